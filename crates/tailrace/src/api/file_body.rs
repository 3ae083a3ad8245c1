//! A file that a client sends as `multipart/form-data`, in the part `file`.

use std::convert::Infallible;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use futures_util::stream;
use multer::{Constraints, Multipart, SizeLimit};

use super::{
    body::read_whole,
    error::{ApiError, Dialect},
    message::Message,
    state::ApiState,
};

/// Name of the part.
const PART: &str = "file";

/// A file.
#[derive(Debug)]
pub(crate) struct FileBody {
    /// Its name at the client's; empty if it is not told.
    pub name: String,
    /// Its content.
    pub content: Bytes,
}

impl FromRequest<ApiState> for FileBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let kind = kind.map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
        let boundary = multer::parse_boundary(kind.clone().unwrap_or_default()).map_err(|_| {
            let message = Message::MediaType { value: kind.unwrap_or_default() };
            ApiError::drs(StatusCode::UNSUPPORTED_MEDIA_TYPE, "DRS.M00300", message)
        })?;
        let bytes = read_whole(body, &state.limits).await?;
        file_of(bytes, boundary)
            .await
            .map_err(|message| ApiError::bad_request(Dialect::V5, message))
    }
}

async fn file_of(bytes: Bytes, boundary: String) -> Result<FileBody, Message> {
    let broken = |e: multer::Error| Message::Malformed {
        field: PART.to_owned(),
        detail: format!("the form cannot be read: {e}"),
    };
    let whole = SizeLimit::new().whole_stream(bytes.len() as u64);
    let constraints = Constraints::new().size_limit(whole);
    let one = stream::iter([Ok::<_, Infallible>(bytes)]);
    let mut form = Multipart::with_constraints(one, boundary, constraints);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() != Some(PART) {
            continue;
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        let content = field.bytes().await.map_err(broken)?;
        return Ok(FileBody { name, content });
    }
    Err(Message::Missing { field: PART.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &'static str) -> Result<FileBody, Message> {
        file_of(Bytes::from_static(text.as_bytes()), "x".to_owned()).await
    }

    #[tokio::test]
    async fn the_part_with_the_file_is_found() {
        let form = "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n--x\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"a.json\"\r\n\r\n{}\r\n--x--\r\n";
        let file = read(form).await.expect("a file");
        assert_eq!((file.name.as_str(), &file.content[..]), ("a.json", b"{}".as_slice()));
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_form_is_told() {
        let other = "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n--x--\r\n";
        assert_eq!(
            read(other).await.expect_err("no file"),
            Message::Missing { field: "file".into() }
        );
        for broken in ["", "--y--", "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n1"]
        {
            let message = read(broken).await.expect_err("broken");
            assert!(matches!(message, Message::Malformed { .. }), "{broken}: {message:?}");
        }
    }
}
