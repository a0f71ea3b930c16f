//! The user file: who may log in, and by which stored verifier.

use std::collections::HashMap;
use std::fmt;

use super::scram::{MockSecret, Verifier};

/// Users and their SCRAM verifiers. Never changed after it was read: shared by every shard.
///
/// ```text
/// # comment
/// user:SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>
/// ```
#[derive(Clone, Default)]
pub struct UserFile {
    /// In the order of the file.
    verifiers: Vec<Verifier>,
    indexes: HashMap<String, usize>,
}

/// What is wrong with a user file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct UserFileError {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

/// What follows the user name in each line.
const SEPARATOR: &str = ":SCRAM-SHA-256$";

impl UserFile {
    pub fn parse(text: &str) -> Result<Self, UserFileError> {
        let mut file = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            file.add(line).map_err(|reason| UserFileError { line: index.saturating_add(1), reason })?;
        }
        Ok(file)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        // A user name may hold colons, a verifier always begins with its mechanism.
        let Some(at) = line.rfind(SEPARATOR) else {
            return Err(
                "expected user:SCRAM-SHA-256$...; make such a line with `iris-pgwire hash-password --user NAME`"
                    .to_owned(),
            );
        };
        let (user, verifier) = line.split_at(at);
        check_user(user)?;
        // The separator's colon is ASCII, so this is a boundary.
        let verifier = verifier.strip_prefix(':').and_then(Verifier::parse).ok_or_else(|| {
            format!(
                "the verifier of user \"{user}\" is damaged; make it anew with `iris-pgwire hash-password --user {user}`"
            )
        })?;
        if self.indexes.insert(user.to_owned(), self.verifiers.len()).is_some() {
            return Err(format!("user \"{user}\" stands in the file twice; remove one of the lines"));
        }
        self.verifiers.push(verifier);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.verifiers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.verifiers.is_empty()
    }

    /// The verifier of `user` and true, or one like the others that no password matches and false.
    pub(super) fn verifier(&self, user: &str, secret: &MockSecret) -> (Verifier, bool) {
        // Made for both, so that both take the same time; modelled on one of the file's users, so that an unusual
        // iteration count or salt length does not give away who is real.
        let model = self.verifiers.get(secret.pick(user, self.verifiers.len()));
        let mock = Verifier::mock(user, secret, model);
        match self.indexes.get(user).and_then(|index| self.verifiers.get(*index)) {
            Some(verifier) => (verifier.clone(), true),
            None => (mock, false),
        }
    }
}

/// Whether a user name can stand in a user file; the reason if not.
pub(crate) fn check_user(user: &str) -> Result<(), String> {
    if user.is_empty() {
        return Err("the user name is empty".to_owned());
    }
    if user.starts_with('#') || user.contains(char::is_control) || user.contains(SEPARATOR) {
        return Err(format!(
            "{user:?} cannot be a user name: it must not begin with # nor hold control characters or {SEPARATOR}"
        ));
    }
    Ok(())
}

impl fmt::Debug for UserFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserFile").field("users", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::auth::hash_password;

    const SECRET: MockSecret = MockSecret::new([7; 32]);

    fn line(user: &str, password: &str, iterations: u32) -> String {
        format!("{user}:{}", hash_password(password, b"0123456789abcdef", NonZeroU32::new(iterations).unwrap()))
    }

    #[test]
    fn users_comments_and_blank_lines() {
        let text = format!("# users\n\n{}\r\n{}  \n", line("alice", "a", 1), line("svc:x", "b", 2));
        let file = UserFile::parse(&text).unwrap();
        assert_eq!(file.len(), 2);
        let (alice, known) = file.verifier("alice", &SECRET);
        assert!(known);
        assert_eq!(format!("alice:{alice}"), line("alice", "a", 1));
        assert!(file.verifier("svc:x", &SECRET).1);
        assert!(!file.verifier("Alice", &SECRET).1);
    }

    #[test]
    fn errors_name_line_and_remedy() {
        let good = line("a", "a", 1);
        let cases = [
            ("plain:secret".to_owned(), 1, "expected user:SCRAM-SHA-256$"),
            (format!("{good}\n#\nb"), 3, "hash-password --user NAME"),
            (format!("{good}\n{good}"), 2, "user \"a\" stands in the file twice"),
            (":SCRAM-SHA-256$1:AA==$x:y".to_owned(), 1, "the user name is empty"),
            ("b:SCRAM-SHA-256$1:AA==$x:y".to_owned(), 1, "user \"b\" is damaged"),
            (good[..good.len() - 1].to_owned(), 1, "user \"a\" is damaged"),
            (good.replace("$1:", "$0:"), 1, "is damaged"),
        ];
        for (text, line, reason) in cases {
            let error = UserFile::parse(&text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.reason.contains(reason), "{error}");
        }
    }

    #[test]
    fn unknown_users_look_like_the_others() {
        let text: String = (0..4).map(|n| line(&format!("u{n}"), "p", 10 + n) + "\n").collect();
        let file = UserFile::parse(&text).unwrap();
        let mut iterations = Vec::new();
        for n in 0..100 {
            let user = format!("nobody{n}");
            let (first, known) = file.verifier(&user, &SECRET);
            let (again, _) = file.verifier(&user, &SECRET);
            assert!(!known);
            assert_eq!(first, again, "the same user gets the same salt each time");
            let text = first.to_string();
            iterations.push(text.split(['$', ':']).nth(1).unwrap().to_owned());
            let other_process = file.verifier(&user, &MockSecret::new([8; 32])).0;
            assert_ne!(first, other_process);
        }
        iterations.sort();
        iterations.dedup();
        assert_eq!(iterations, ["10", "11", "12", "13"]);
        let (mock, known) = UserFile::default().verifier("x", &SECRET);
        assert!(!known);
        assert!(mock.to_string().starts_with("SCRAM-SHA-256$4096:"));
    }
}
