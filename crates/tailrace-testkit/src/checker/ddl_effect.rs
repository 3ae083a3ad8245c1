//! What a DDL statement does to rows that a consumer holds already. Understands the statements that
//! the workload makes; anything else about a table is refused, never guessed at.

use std::iter::Peekable;
use std::str::Chars;

/// `database`, `table`.
pub(super) type TableName = (String, String);

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// `DROP TABLE`
    Drop(TableName),
    /// `TRUNCATE`
    Truncate(TableName),
    /// `RENAME TABLE` and `ALTER TABLE … RENAME TO`
    Rename(TableName, TableName),
    /// `ALTER TABLE`
    Alter(TableName, Vec<Change>),
    /// `DROP DATABASE`
    DropDatabase(String),
    /// Nothing that changes rows.
    None,
}

/// What one clause of an `ALTER TABLE` does to the columns of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A column that old rows get with this text.
    Add(String, Option<String>),
    /// A column that goes.
    Drop(String),
    /// A column with another name.
    Rename(String, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Sign(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(w) if w.eq_ignore_ascii_case(word))
    }
}

/// What `sql` does; `database` is the default for names without one.
///
/// # Errors
/// The statement is of a kind that is not understood.
pub(super) fn effects(sql: &str, database: &str) -> Result<Vec<Effect>, String> {
    let tokens = tokens(sql)?;
    let mut at = Cursor { tokens: &tokens, place: 0, database };
    let effects = if at.take_all(&["DROP", "TABLE"]) {
        at.skip_all(&["IF", "EXISTS"]);
        at.names()?.into_iter().map(Effect::Drop).collect()
    } else if at.take_all(&["DROP", "DATABASE"]) || at.take_all(&["DROP", "SCHEMA"]) {
        at.skip_all(&["IF", "EXISTS"]);
        vec![Effect::DropDatabase(at.identifier()?)]
    } else if at.take("TRUNCATE") {
        at.take("TABLE");
        vec![Effect::Truncate(at.name()?)]
    } else if at.take_all(&["RENAME", "TABLE"]) {
        at.renames()?
    } else if at.take_all(&["ALTER", "TABLE"]) {
        at.alter()?
    } else if at.take("CREATE") || at.take("ALTER") || at.take("DROP") {
        vec![Effect::None]
    } else {
        return Err(format!("statement not understood by the checker: {sql}"));
    };
    Ok(effects)
}

/// One spelling for statements that mean the same: no comments, no quotes around names, one space
/// between words, upper case outside of texts.
pub fn normal_form(sql: &str) -> String {
    let Ok(tokens) = tokens(sql) else { return sql.to_owned() };
    let words: Vec<String> = tokens
        .into_iter()
        .map(|token| match token {
            Token::Word(word) | Token::Quoted(word) => word.to_uppercase(),
            Token::Text(text) => format!("'{text}'"),
            Token::Sign(sign) => sign.to_string(),
        })
        .filter(|word| word != ";")
        .collect();
    words.join(" ")
}

struct Cursor<'a> {
    tokens: &'a [Token],
    place: usize,
    database: &'a str,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.place)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|t| t.is(word));
        self.place += usize::from(found);
        found
    }

    fn take_all(&mut self, words: &[&str]) -> bool {
        let found = words
            .iter()
            .enumerate()
            .all(|(i, word)| self.tokens.get(self.place + i).is_some_and(|t| t.is(word)));
        if found {
            self.place += words.len();
        }
        found
    }

    fn skip_all(&mut self, words: &[&str]) {
        self.take_all(words);
    }

    fn sign(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.place += usize::from(found);
        found
    }

    fn identifier(&mut self) -> Result<String, String> {
        match self.peek() {
            Some(Token::Word(name) | Token::Quoted(name)) => {
                let name = name.clone();
                self.place += 1;
                Ok(name)
            }
            other => Err(format!("a name is expected, not {other:?}")),
        }
    }

    fn name(&mut self) -> Result<TableName, String> {
        let first = self.identifier()?;
        if self.sign('.') {
            return Ok((first, self.identifier()?));
        }
        Ok((self.database.to_owned(), first))
    }

    fn names(&mut self) -> Result<Vec<TableName>, String> {
        let mut names = vec![self.name()?];
        while self.sign(',') {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn renames(&mut self) -> Result<Vec<Effect>, String> {
        let mut effects = Vec::new();
        loop {
            let from = self.name()?;
            if !self.take("TO") {
                return Err("RENAME TABLE without TO".into());
            }
            effects.push(Effect::Rename(from, self.name()?));
            if !self.sign(',') {
                return Ok(effects);
            }
        }
    }

    fn alter(&mut self) -> Result<Vec<Effect>, String> {
        let table = self.name()?;
        let mut changes = Vec::new();
        let mut effects = Vec::new();
        loop {
            if self.take_all(&["RENAME", "TO"]) {
                effects.push(Effect::Rename(table.clone(), self.name()?));
            } else {
                self.clause(&mut changes)?;
            }
            self.skip_clause();
            if !self.sign(',') {
                break;
            }
        }
        effects.insert(0, Effect::Alter(table, changes));
        Ok(effects)
    }

    fn clause(&mut self, changes: &mut Vec<Change>) -> Result<(), String> {
        if self.take_all(&["ADD", "COLUMN"]) {
            let column = self.identifier()?;
            changes.push(Change::Add(column, self.default_text()));
        } else if self.take_all(&["DROP", "COLUMN"]) {
            changes.push(Change::Drop(self.identifier()?));
        } else if self.take_all(&["RENAME", "COLUMN"]) {
            let from = self.identifier()?;
            self.take("TO");
            changes.push(Change::Rename(from, self.identifier()?));
        } else if self.take_all(&["CHANGE", "COLUMN"]) {
            let from = self.identifier()?;
            changes.push(Change::Rename(from, self.identifier()?));
        }
        Ok(())
    }

    /// The `DEFAULT` of the column definition at the cursor; NULL without one.
    fn default_text(&self) -> Option<String> {
        let clause = self.tokens.get(self.place..self.clause_end())?;
        let default = clause.iter().position(|t| t.is("DEFAULT"))?;
        match clause.get(default + 1)? {
            Token::Text(text) => Some(text.clone()),
            Token::Word(word) if !word.eq_ignore_ascii_case("NULL") => Some(word.clone()),
            _ => None,
        }
    }

    fn clause_end(&self) -> usize {
        let mut depth = 0_i32;
        for (place, token) in self.tokens.iter().enumerate().skip(self.place) {
            match token {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') => depth -= 1,
                Token::Sign(',') if depth == 0 => return place,
                _ => {}
            }
        }
        self.tokens.len()
    }

    fn skip_clause(&mut self) {
        self.place = self.clause_end();
    }
}

fn tokens(sql: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '`' => tokens.push(Token::Quoted(quoted(&mut chars, '`')?)),
            '\'' | '"' => tokens.push(Token::Text(quoted(&mut chars, c)?)),
            '/' if chars.peek() == Some(&'*') => comment(&mut chars)?,
            '-' if chars.peek() == Some(&'-') => while chars.next_if(|c| *c != '\n').is_some() {},
            c if is_word(c) => {
                let mut word = String::from(c);
                while let Some(next) = chars.next_if(|c| is_word(*c)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
            c => tokens.push(Token::Sign(c)),
        }
    }
    Ok(tokens)
}

/// Letters of names and numbers. The point stands alone, so a default with a fraction is written as a text.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn quoted(chars: &mut Peekable<Chars<'_>>, quote: char) -> Result<String, String> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if c == quote && chars.next_if_eq(&quote).is_none() {
            return Ok(text);
        }
        text.push(c);
    }
    Err(format!("{quote} is not closed"))
}

fn comment(chars: &mut Peekable<Chars<'_>>) -> Result<(), String> {
    let mut last = ' ';
    chars.next();
    for c in chars.by_ref() {
        if last == '*' && c == '/' {
            return Ok(());
        }
        last = c;
    }
    Err("a comment is not closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(table: &str) -> TableName {
        ("d".into(), table.into())
    }

    #[test]
    fn reads_the_statements_of_the_workload() {
        let cases = [
            ("DROP TABLE `d`.`a` /* generated by server */", vec![Effect::Drop(name("a"))]),
            ("truncate table a", vec![Effect::Truncate(name("a"))]),
            (
                "RENAME TABLE a TO t, d.b TO `a`",
                vec![Effect::Rename(name("a"), name("t")), Effect::Rename(name("b"), name("a"))],
            ),
            (
                "ALTER TABLE a ADD COLUMN x DECIMAL(10,2) NOT NULL DEFAULT '1.50' AFTER id, DROP COLUMN y",
                vec![Effect::Alter(
                    name("a"),
                    vec![Change::Add("x".into(), Some("1.50".into())), Change::Drop("y".into())],
                )],
            ),
            ("ALTER TABLE a MODIFY COLUMN q BIGINT FIRST", vec![Effect::Alter(name("a"), vec![])]),
            ("CREATE TABLE a (id INT)", vec![Effect::None]),
        ];
        for (sql, wanted) in cases {
            assert_eq!(effects(sql, "d"), Ok(wanted), "{sql}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(effects("LOCK TABLES a READ", "d").is_err());
    }

    #[test]
    fn normal_form_ignores_quotes_comments_and_case() {
        assert_eq!(
            normal_form("drop table `d`.`a` /* generated by server */"),
            normal_form("DROP TABLE d.a;")
        );
    }
}
