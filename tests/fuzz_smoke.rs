//! The fuzz targets' checks on seeded mutations of good input, a bounded number of times: what CI can afford.
//!
//! A failure names its seed: `FUZZ_SMOKE_SEED=n FUZZ_SMOKE_ROUNDS=1 cargo test --test fuzz_smoke` repeats it.

#[path = "../fuzz/checks.rs"]
mod checks;

const ROUNDS: u64 = 3_000;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs `check` over mutations of `seeds`; each round has a seed of its own.
fn smoke(seeds: &[&[u8]], check: fn(&[u8])) {
    for input in seeds {
        check(input);
    }
    let first = from_environment("FUZZ_SMOKE_SEED", 1);
    for seed in first..first + from_environment("FUZZ_SMOKE_ROUNDS", ROUNDS) {
        let input = mutate(seeds, &mut Random(seed));
        let outcome = std::panic::catch_unwind(|| check(&input));
        assert!(outcome.is_ok(), "FUZZ_SMOKE_SEED={seed}: {}", input.escape_ascii());
    }
}

fn mutate(seeds: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let end = at + random.below(8).min(input.len() - at);
        match random.below(8) {
            0 => input.insert(at, random.next() as u8),
            1 => drop(input.drain(at..end)),
            2 => input.truncate(at),
            3 if at < input.len() => input[at] = [0, 1, 3, 4, 0x7F, 0x80, 0xFE, 0xFF][random.below(8)],
            4 if at < input.len() => input[at] ^= 1 << random.below(8),
            5 => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            6 => {
                let other = seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            7 => input.extend_from_slice(seeds[random.below(seeds.len())]),
            _ => {}
        }
    }
    input
}

#[test]
fn frontend() {
    smoke(
        &[
            b"Q\0\0\0\x0Dselect 1\0",
            b"P\0\0\0\x1As1\0select $1, $2\0\0\x01\0\0\0\x17",
            b"B\0\0\0\x20p\0s1\0\0\x02\0\0\0\x01\0\x02\0\0\0\x02hi\xFF\xFF\xFF\xFF\0\x01\0\x01",
            b"D\0\0\0\x08Ss1\0E\0\0\0\x0Ap\0\0\0\0\x05C\0\0\0\x07Pp\0H\0\0\0\x04S\0\0\0\x04",
            b"F\0\0\0\x19\0\0\x04\xD2\0\x01\0\x01\0\x02\0\0\0\x01\x07\xFF\xFF\xFF\xFF\0\0",
            b"d\0\0\0\x081\t2\nc\0\0\0\x04f\0\0\0\x08why\0X\0\0\0\x04",
            b"p\0\0\0\x19SCRAM-SHA-256\0\0\0\0\x03n,,p\0\0\0\x07pw\0",
        ],
        checks::frontend,
    );
}

#[test]
fn startup() {
    smoke(
        &[
            b"\0\0\0\x08\x04\xD2\x16\x2F",
            b"\0\0\0\x08\x04\xD2\x16\x30",
            b"\0\0\0\x10\x04\xD2\x16\x2E\0\0\0\x07key!",
            b"\0\0\0\x23\0\x03\0\0user\0bob\0database\0USER\0\0\0",
            b"\0\0\0\x25\0\x03\0\x02user\0bob\0_pq_.x\0on\0options\0\0\0",
        ],
        checks::startup,
    );
}

#[test]
fn scram() {
    smoke(
        &[
            b"n,,n=user,r=abc\nc=biws,r=abcMDEyMzQ1Njc4OWFiY2RlZmdo,p=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
            b"y,,n=,r=x,e=1\nc=eSws,r=xMDEyMzQ1Njc4OWFiY2RlZmdo,e=1,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            b"p=tls-unique,,n=user,r=abc\n",
            b"n,a=other,n=user,r=abc\n",
        ],
        checks::scram,
    );
}

#[test]
fn user_file() {
    smoke(
        &[
            b"# users\nbob:SCRAM-SHA-256$1:c2FsdA==$AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=:\
              AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n",
            b"SCRAM-SHA-256$4096:c2FsdA==$AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=:\
              AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        ],
        checks::user_file,
    );
}

#[test]
fn config_file() {
    smoke(
        &[
            b"listen = \"127.0.0.1:5432\"\niris = \"iris://u:p@h/NS\"\niris_connections = 8\n",
            b"auth = \"scram\"\nusers = 'users.txt'\ncores = 2 # comment\nlog_level = \"debug\"\n",
            b"[table]\ndata = \"\"\"\nx\"\"\"\nlogin_timeout_ms = 1_000\n",
        ],
        checks::config_file,
    );
}
