//! A stand-in for `kubeadm`, see `machine::kubeadm`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    machine::kubeadm::main(std::env::args().skip(1).collect()).await
}
