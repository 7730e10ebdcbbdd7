// Which versions and suites are spoken, and whose certificate a client is shown.
#include "http/tls_choices.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "http/tls.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using Connection = std::unique_ptr<SSL, void (*)(SSL*)>;

struct Client {
  std::string server_name = {};
  int version_max = TLS1_3_VERSION;
  std::string ciphers = {};  // Of TLS 1.2.
};
struct Seen {
  std::string cipher;  // "": no handshake.
  std::string common_name;
};

Seen Connect(SSL_CTX* at, const Client& client) {
  const auto context = *MakeClientContext({.insecure = true});
  CHECK(SSL_CTX_set_max_proto_version(context.get(), client.version_max) == 1);
  if (!client.ciphers.empty()) {
    CHECK(SSL_CTX_set_cipher_list(context.get(), client.ciphers.c_str()) == 1);
  }
  const Connection here(SSL_new(context.get()), SSL_free);
  const Connection there(SSL_new(at), SSL_free);
  if (!client.server_name.empty()) {
    CHECK(SSL_set_tlsext_host_name(here.get(), client.server_name.c_str()) == 1);
  }
  BIO* one = nullptr;
  BIO* other = nullptr;
  CHECK(BIO_new_bio_pair(&one, 0, &other, 0) == 1);
  SSL_set_bio(here.get(), one, one);
  SSL_set_bio(there.get(), other, other);
  SSL_set_connect_state(here.get());
  SSL_set_accept_state(there.get());
  for (int i = 0; i < 8; ++i) {
    (void)SSL_do_handshake(here.get());
    (void)SSL_do_handshake(there.get());
  }
  if (SSL_is_init_finished(here.get()) != 1) return {};
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(here.get())),
                            NID_commonName, name, sizeof name);
  return {SSL_get_cipher_name(here.get()), name};
}

class TlsChoicesTest : public ::testing::Test {
 protected:
  TlsContext ContextWith(const TlsChoices& choices, std::vector<NamedCertificate> named = {}) {
    ServerTls tls{.certificate_pem = leaf_.certificate_pem, .key_pem = leaf_.key_pem};
    tls.choices = choices;
    tls.named = std::move(named);
    return *MakeServerContext(tls, /*http2=*/true);
  }
  NamedCertificate Issue(const std::string& common_name, const std::string& alternatives,
                         std::vector<std::string> names = {}) {
    const auto issued =
        authority_.Issue({.common_name = common_name, .alternative_names = alternatives});
    return {issued.certificate_pem, issued.key_pem, std::move(names)};
  }

  testing::TestAuthority authority_;
  const testing::CertificateAndKey leaf_ = authority_.Issue({.common_name = "own"});
};

TEST_F(TlsChoicesTest, TheOldestVersionHolds) {
  const auto only = ContextWith(*ParseTlsChoices("VersionTLS13", {}));
  EXPECT_EQ(Connect(only.get(), {.version_max = TLS1_2_VERSION}).cipher, "");
  EXPECT_EQ(Connect(only.get(), {}).cipher.substr(0, 4), "TLS_");
  for (const char* version : {"", "VersionTLS10", "VersionTLS12"}) {
    const auto both = ContextWith(*ParseTlsChoices(version, {}));
    EXPECT_NE(Connect(both.get(), {.version_max = TLS1_2_VERSION}).cipher, "") << version;
  }
  EXPECT_EQ(ParseTlsChoices("TLS1.2", {}).error().message, "unknown tls version \"TLS1.2\"");
}

TEST_F(TlsChoicesTest, SuitesAreThoseOfTls12AndNoOthersAreSpoken) {
  const auto context =
      ContextWith(*ParseTlsChoices("", {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}));
  EXPECT_EQ(Connect(context.get(), {.version_max = TLS1_2_VERSION}).cipher,
            "ECDHE-ECDSA-AES256-GCM-SHA384");
  EXPECT_EQ(Connect(context.get(), {.version_max = TLS1_2_VERSION,
                                    .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"})
                .cipher,
            "");
  EXPECT_EQ(Connect(context.get(), {}).cipher.substr(0, 4), "TLS_") << "1.3 is no matter of choice";
  // None of these is of TLS 1.2, or still known here.
  const auto none =
      ContextWith(*ParseTlsChoices("", {"TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_RC4_128_SHA"}));
  EXPECT_EQ(Connect(none.get(), {.version_max = TLS1_2_VERSION}).cipher, "");
  EXPECT_NE(Connect(none.get(), {}).cipher, "");
  EXPECT_EQ(ParseTlsChoices("", {"ECDHE-RSA-AES128-GCM-SHA256"}).error().message,
            "Cipher suite ECDHE-RSA-AES128-GCM-SHA256 not supported or doesn't exist");
}

TEST_F(TlsChoicesTest, AClientIsShownTheCertificateOfTheNameThatItAsksFor) {
  const auto context = ContextWith(
      {}, {Issue("first.example", "DNS:api.example,DNS:*.pods.example,IP:192.0.2.1"),
           Issue("second.example", "DNS:api.example,DNS:other.example"),
           Issue("third.example", "DNS:unused.example", {"named.example", "*.named.example"})});
  const auto shown = [&](const std::string& name, int version = TLS1_3_VERSION) {
    return Connect(context.get(), {.server_name = name, .version_max = version}).common_name;
  };
  EXPECT_EQ(shown(""), "own");
  EXPECT_EQ(shown("nobody.example"), "own");
  EXPECT_EQ(shown("API.example"), "first.example") << "the first of two";
  EXPECT_EQ(shown("first.example"), "first.example");
  EXPECT_EQ(shown("a.pods.example", TLS1_2_VERSION), "first.example");
  EXPECT_EQ(shown("a.b.pods.example"), "own") << "a star is one label";
  EXPECT_EQ(shown("other.example"), "second.example");
  EXPECT_EQ(shown("x.named.example"), "third.example");
  EXPECT_EQ(shown("named.example."), "third.example");
  EXPECT_EQ(shown("unused.example"), "own") << "names that are given are all";
}

TEST_F(TlsChoicesTest, AHandshakeKeepsWhatItIsShown) {
  auto context = ContextWith({}, {Issue("first.example", "DNS:api.example")});
  const Connection server(SSL_new(context.get()), SSL_free);
  context.reset();
  // The connection is the last that knows of it.
  EXPECT_EQ(Connect(SSL_get_SSL_CTX(server.get()), {.server_name = "api.example"}).common_name,
            "first.example");
}

TEST_F(TlsChoicesTest, AKeyOfAnotherCertificateIsRefused) {
  ServerTls tls{.certificate_pem = leaf_.certificate_pem, .key_pem = leaf_.key_pem};
  auto named = Issue("first.example", "DNS:api.example");
  named.key_pem = leaf_.key_pem;
  tls.named = {named};
  EXPECT_EQ(MakeServerContext(tls, true).error().message,
            "tls: private key does not match public key");
  named.key_pem = "nothing";
  tls.named = {named};
  EXPECT_FALSE(MakeServerContext(tls, true));
}

}  // namespace
}  // namespace skiff::http
