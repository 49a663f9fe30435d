//! The bucket for `sam deploy`.

use reqwest::Method;

#[tokio::test]
async fn a_package_can_be_uploaded_without_tls() {
    let (emulator, _) = crate::common::start(15_380).await;
    emulator
        .client()
        .unwrap()
        .create_bucket("artifacts")
        .await
        .unwrap();
    let client = emulator.client().unwrap();
    client.s3(Method::PUT, "/artifacts/key", "package").await.unwrap();
    let back = client.s3(Method::GET, "/artifacts/key", "").await.unwrap();
    assert_eq!(back, "package");
    emulator.stop().await;
}
