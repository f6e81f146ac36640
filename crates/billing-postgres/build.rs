//! The migrations are part of the binary: a change of them is a change of it.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
