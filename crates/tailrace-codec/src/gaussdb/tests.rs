use super::*;

const CODE: &str = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";
const TOKEN: &str = "0a1b2c3d";
const SALT: [u8; 4] = [0xde, 0xad, 0, 1];
const PASSWORDS: [&str; 2] = ["Gauss@123", "p\u{5bc6}\u{7801} \u{fc}'"];

fn request(parts: &[&[u8]], protocol: StartupProtocol) -> AuthRequest {
    AuthRequest::parse(&parts.concat(), protocol).unwrap().expect("one of GaussDB's")
}

/// Code 10 with this many iterations.
fn sha256(iterations: u32) -> AuthRequest {
    let [code, method] = [10_u32, 2].map(u32::to_be_bytes);
    let iterations = iterations.to_be_bytes();
    let parts = [&code, &method, CODE.as_bytes(), TOKEN.as_bytes(), &iterations];
    request(&parts, StartupProtocol::V3_51)
}

/// What Huawei's driver (`gaussdbjdbc` 506.0.0.b058, `MD5Digest`) answers.
#[test]
fn answers_are_those_of_huaweis_driver() {
    let wanted = [
        (
            "52e05e5070b1f8879c9b29b6560cc99d3443f72a9c27d92aba4e3ed1a9be6cb0",
            "a9431c961a2876d0c13932b33f7c4e44c0ef427d62e0beaa079710a94cd2ecab",
            "md5bd4e3fe58af568e7552b8f2c5be6be87",
            "sha256a7570d38b49b8c8598598721f38d69e11ac65f125132002b061eebb83bab062f",
        ),
        (
            "3daf772edf5c7113108c1f2ad00adfd11602173ad85134bc939d1aee0d8ce77a",
            "d5f2c214b064d7c1601379de4f64bdf4c44040810cf989a8f90bb5e1668157b3",
            "md518b9e5b3511c7770ef04378efb84459d",
            "sha256514ffe614c8a740e894c9e34bf61a217596afc0b26d84482eaf6c1e849f9eabd",
        ),
    ];
    let [code_10, code_11, method_1] = [10_u32, 11, 1].map(u32::to_be_bytes);
    let md5_sha256 = request(&[&code_11, CODE.as_bytes(), &SALT], StartupProtocol::V3_0);
    let of_md5 = request(&[&code_10, &method_1, &SALT], StartupProtocol::V3_51);
    for (password, (few, many, md5, sha)) in PASSWORDS.into_iter().zip(wanted) {
        let answer = |request: &AuthRequest| request.answer("jack", password).unwrap();
        assert_eq!(answer(&sha256(2048)), few);
        assert_eq!(answer(&sha256(10_000)), many);
        assert_eq!(answer(&md5_sha256), md5);
        assert_eq!(answer(&of_md5), sha);
    }
}

#[test]
fn older_protocols_have_other_forms_and_a_servers_own_proof_is_checked() {
    let [code, method] = [10_u32, 2].map(u32::to_be_bytes);
    let begin = [&code[..], &method, CODE.as_bytes(), TOKEN.as_bytes()];
    let middle = request(&begin, StartupProtocol::V3_50);
    let password = PASSWORDS[0];
    let wanted = sha256(ITERATIONS_UNSAID).answer("jack", password).unwrap();
    assert_eq!(middle.answer("jack", password).unwrap(), wanted);

    let AuthRequest::Sha256 { code: salt, token, .. } = &middle else { panic!("{middle:?}") };
    let keys = Keys::derive(password, salt, ITERATIONS_UNSAID);
    let signature: String =
        keys.server_signature(token).iter().map(|byte| format!("{byte:02x}")).collect();
    let with_proof = [begin.concat(), signature.into_bytes()].concat();
    let old = AuthRequest::parse(&with_proof, StartupProtocol::V3_0).unwrap().unwrap();
    assert_eq!(old.answer("jack", password).unwrap(), wanted);
    let error = old.answer("jack", "another").unwrap_err().to_string();
    assert!(error.contains("own proof"), "{error}");

    assert!(keys.accepts(&keys.proof(token), token));
    assert!(!keys.accepts(&keys.proof(&[0; 4]), token));
    assert!(!Keys::derive("x", salt, ITERATIONS_UNSAID).accepts(&keys.proof(token), token));
    assert_eq!(StartupProtocol::V3_51.code(), 0x0003_0033);
}

#[test]
fn requests_of_another_form_are_errors_and_those_of_postgresql_are_not_ours() {
    for code in [0_u32, 3, 5, 12] {
        let body = code.to_be_bytes();
        assert_eq!(AuthRequest::parse(&body, StartupProtocol::V3_51).unwrap(), None);
    }
    let parse = |parts: &[&[u8]]| {
        AuthRequest::parse(&parts.concat(), StartupProtocol::V3_51).unwrap_err().to_string()
    };
    let [ten, two, nine, thirteen] = [10_u32, 2, 9, 13].map(u32::to_be_bytes);
    let (code, token) = (CODE.as_bytes(), TOKEN.as_bytes());
    let zero = 0_u32.to_be_bytes();
    for (parts, said) in [
        (vec![&thirteen[..]], "13 is not supported; supported are SHA256 (10)"),
        (vec![&ten, &nine], "9 is not supported"),
        (vec![&ten, &two, code, token], "more bytes are needed"),
        (vec![&ten, &two, &code[..63]], "more bytes are needed"),
        (vec![&ten, &two, &[b'g'; 64], token, &two], "Invalid character 'g' at position 0"),
        (vec![&ten, &two, code, token, &zero], "0 iterations; 1 to"),
        (vec![&ten, &two, code, token, &[0xff; 4]], "4294967295 iterations"),
        (vec![&ten, &two, code, token, &two, b"x"], "1 bytes more"),
        (vec![&ten[..3]], "more bytes are needed"),
    ] {
        let error = parse(&parts);
        assert!(error.contains(said), "{said}: {error}");
    }
}
