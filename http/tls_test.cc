// Which cipher a server chooses, and which keys it takes.
#include "http/tls.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/ui.h>

#include <fstream>
#include <memory>
#include <string>

#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

class CipherTest : public ::testing::Test {
 protected:
  struct Offer {
    int version = TLS1_3_VERSION;
    const char* suites = nullptr;   // Of TLS 1.3; nullptr: the library's.
    const char* ciphers = nullptr;  // Of TLS 1.2.
  };

  // The name of what both agree on; "" when there is nothing.
  std::string Chosen(const Offer& offer) {
    const auto context = *MakeClientContext({.insecure = true});
    CHECK(SSL_CTX_set_max_proto_version(context.get(), offer.version) == 1);
    if (offer.suites != nullptr) {
      CHECK(SSL_CTX_set_ciphersuites(context.get(), offer.suites) == 1);
    }
    if (offer.ciphers != nullptr) {
      CHECK(SSL_CTX_set_cipher_list(context.get(), offer.ciphers) == 1);
    }
    const Connection client(SSL_new(context.get()), SSL_free);
    const Connection server(SSL_new(server_.get()), SSL_free);
    BIO* here = nullptr;
    BIO* there = nullptr;
    CHECK(BIO_new_bio_pair(&here, 0, &there, 0) == 1);
    SSL_set_bio(client.get(), here, here);
    SSL_set_bio(server.get(), there, there);
    SSL_set_connect_state(client.get());
    SSL_set_accept_state(server.get());
    for (int i = 0; i < 8; ++i) {
      (void)SSL_do_handshake(client.get());
      (void)SSL_do_handshake(server.get());
    }
    return SSL_is_init_finished(client.get()) == 1 ? SSL_get_cipher_name(client.get()) : "";
  }

 private:
  using Connection = std::unique_ptr<SSL, void (*)(SSL*)>;
  const testing::CertificateAndKey leaf_ = testing::TestAuthority().Issue({.common_name = "s"});
  const TlsContext server_ =
      *MakeServerContext({leaf_.certificate_pem, leaf_.key_pem, ""}, /*http2=*/true);
};

bool HasAes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#else
  return false;
#endif
}

TEST_F(CipherTest, TheCheaperOneWhereTheProcessorKnowsIt) {
  if (!HasAes()) GTEST_SKIP() << "clients choose on this machine";
  EXPECT_EQ(Chosen({}), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(Chosen({.suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"}),
            "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(Chosen({.version = TLS1_2_VERSION}), "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST_F(CipherTest, WhoOffersOnlyOthersIsServedToo) {
  EXPECT_EQ(Chosen({.suites = "TLS_AES_256_GCM_SHA384"}), "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(Chosen({.suites = "TLS_CHACHA20_POLY1305_SHA256"}), "TLS_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(Chosen({.suites = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"}),
            "TLS_CHACHA20_POLY1305_SHA256")
      << "who has it first has no instructions for AES";
  for (const char* cipher : {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
                             "ECDHE-ECDSA-AES128-SHA"}) {
    EXPECT_EQ(Chosen({.version = TLS1_2_VERSION, .ciphers = cipher}), cipher);
  }
}

std::string Encrypted(const std::string& key_pem, const std::string& password) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  CHECK(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), password.data(),
                                      static_cast<int>(password.size()), nullptr, nullptr) == 1);
  char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(length)};
}

// Whether anybody was asked for a password, whom the process's terminal would show it to.
class AskedForPassword {
 public:
  AskedForPassword() : method_(UI_create_method("test")) {
    asked_ = false;
    UI_method_set_reader(method_, [](UI*, UI_STRING*) {
      asked_ = true;
      return 0;
    });
    UI_set_default_method(method_);
  }
  ~AskedForPassword() {
    UI_set_default_method(UI_OpenSSL());
    UI_destroy_method(method_);
  }
  bool asked() const { return asked_; }

 private:
  static inline bool asked_ = false;
  UI_METHOD* method_;
};

TEST(ServerKeyTest, OneOfAnotherCertificateIsSaidToBe) {
  testing::TestAuthority authority;
  const auto one = authority.Issue({.common_name = "s"});
  const auto other = authority.Issue({.common_name = "s"});
  const auto context = MakeServerContext({one.certificate_pem, other.key_pem, ""}, /*http2=*/true);
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().message, "tls: private key does not match public key");
  const std::string folder = ::testing::TempDir();
  const std::string certificate = folder + "one.crt", key = folder + "other.key",
                    text = folder + "text";
  std::ofstream(certificate) << one.certificate_pem;
  std::ofstream(key) << other.key_pem;
  std::ofstream(text) << "no certificate\n";
  EXPECT_EQ(ServerTls::FromFiles(certificate, key, "").error().message,
            certificate + " with " + key + ": tls: private key does not match public key");
  std::ofstream(key) << one.key_pem;
  EXPECT_TRUE(ServerTls::FromFiles(certificate, key, ""));
  EXPECT_EQ(ServerTls::FromFiles(certificate, key, text).error().message,
            text + ": no certificate in the PEM text");
}

TEST(ServerAuthoritiesTest, OneThatIsBrokenDoesNotHideTheNext) {
  testing::TestAuthority users("users"), proxies("proxies");
  const auto leaf = users.Issue({.common_name = "s"});
  const std::string good = users.certificate_pem();
  const std::string broken = good + good.substr(0, good.size() / 2) + "\n";
  const auto made_with = [&](const std::string& authorities) {
    return MakeServerContext({leaf.certificate_pem, leaf.key_pem, authorities}, /*http2=*/true)
        .has_value();
  };
  EXPECT_TRUE(made_with(good + proxies.certificate_pem()));
  EXPECT_FALSE(made_with(broken + proxies.certificate_pem()));
  std::string no_base64 = good;
  no_base64.replace(no_base64.find('\n') + 1, 1, "!");
  EXPECT_TRUE(made_with(no_base64 + proxies.certificate_pem()));
  const std::string text = ::testing::TempDir() + "authorities";
  std::ofstream(text) << broken;
  EXPECT_EQ(ReadAuthorities(text).error().message,
            text + ": certificate 2 of the PEM text is broken, or not written to its end");
}

TEST(ServerKeyTest, NobodyIsAskedForThePasswordOfAnEncryptedKey) {
  const auto leaf = testing::TestAuthority().Issue({.common_name = "s"});
  const std::string key = Encrypted(leaf.key_pem, "secret");
  ASSERT_NE(key.find("ENCRYPTED PRIVATE KEY"), std::string::npos);
  const AskedForPassword password;
  const auto context = MakeServerContext({leaf.certificate_pem, key, ""}, /*http2=*/true);
  EXPECT_FALSE(context);
  EXPECT_FALSE(password.asked());
}

}  // namespace
}  // namespace skiff::http
