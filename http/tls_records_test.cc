// A real client, OpenSSL's, against records that took over from the library's server.
#include "http/tls_records.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "http/test_records.h"
#include "http/tls.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using End = TlsRecords::End;
using Alert = TlsRecords::Alert;

class TlsRecordsTest : public ::testing::Test {
 protected:
  void Connect(int version = TLS1_3_VERSION, const char* suites = "TLS_AES_128_GCM_SHA256",
               uint64_t records_per_key_max = 0) {
    const auto context = *MakeClientContext({.insecure = true});
    CHECK(SSL_CTX_set_max_proto_version(context.get(), version) == 1 &&
          SSL_CTX_set_ciphersuites(context.get(), suites) == 1);
    client_.reset(SSL_new(context.get()));
    if (is_short_) {
      SSL_set_tlsext_max_fragment_length(client_.get(), TLSEXT_max_fragment_length_512);
    }
    const Connection server(SSL_new(server_context_.get()), SSL_free);
    TrafficSecrets secrets;
    KeepSecrets(server.get(), secrets);
    BIO* const to_server = BIO_new(BIO_s_mem());
    BIO* const to_client = BIO_new(BIO_s_mem());
    for (BIO* bio : {to_server, to_client}) {
      BIO_set_mem_eof_return(bio, -1);
      BIO_up_ref(bio);
    }
    SSL_set_bio(client_.get(), to_client, to_server);
    SSL_set_bio(server.get(), to_server, to_client);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server.get());
    for (int i = 0; i < 8; ++i) {
      (void)SSL_do_handshake(client_.get());
      (void)SSL_do_handshake(server.get());
    }
    CHECK(SSL_is_init_finished(client_.get()) == 1 && SSL_is_init_finished(server.get()) == 1);
    records_ = TlsRecords::TakeOver(secrets, server.get(), {*cipher_, *other_cipher_});
    if (records_ && records_per_key_max > 0) {
      records_ = std::make_unique<TlsRecords>(*secrets.client, *secrets.server,
                                              TlsRecords::Ciphers{*cipher_, *other_cipher_},
                                              records_per_key_max);
    }
  }

  // What the client sends of it.
  std::string Said(std::string_view text) {
    CHECK(SSL_write(client_.get(), text.data(), static_cast<int>(text.size())) ==
          static_cast<int>(text.size()));
    return TakeSent();
  }
  std::string TakeSent() {
    char* begin = nullptr;
    BIO* const out = SSL_get_wbio(client_.get());
    const long length = BIO_get_mem_data(out, &begin);
    std::string sent(begin, length);
    (void)BIO_reset(out);
    return sent;
  }
  // What the client makes of `bytes`; its error is what is left of it.
  std::string Heard(std::string_view bytes) {
    ERR_clear_error();
    if (!bytes.empty()) {
      CHECK(BIO_write(SSL_get_rbio(client_.get()), bytes.data(), static_cast<int>(bytes.size())) ==
            static_cast<int>(bytes.size()));
    }
    std::string heard;
    char buffer[20'000];
    int count = 0;
    while ((count = SSL_read(client_.get(), buffer, sizeof buffer)) > 0) {
      heard.append(buffer, count);
    }
    client_error_ = SSL_get_error(client_.get(), count);
    return heard;
  }
  std::string Sealed(const std::vector<std::string_view>& parts) {
    size_t bytes = 0;
    for (const auto part : parts) bytes += part.size();
    std::string sealed(TlsRecords::SealedBytesMax(bytes), '\0');
    sealed.resize(records_->Seal(parts, sealed.data()));
    return sealed;
  }
  End Open(std::string_view bytes, std::string& text) {
    std::string out(bytes.size() + records_->held_bytes(), '\0');
    size_t length = 0;
    const End end = records_->Open(bytes, out.data(), length);
    text.append(out, 0, length);
    return end;
  }

  using Connection = std::unique_ptr<SSL, void (*)(SSL*)>;
  const testing::CertificateAndKey leaf_ = testing::TestAuthority().Issue({.common_name = "s"});
  const TlsContext server_context_ =
      *MakeServerContext({leaf_.certificate_pem, leaf_.key_pem, ""}, /*http2=*/true);
  const std::unique_ptr<RecordCipher> cipher_ = RecordCipher::Make();
  const std::unique_ptr<RecordCipher> other_cipher_ = RecordCipher::Make();
  Connection client_{nullptr, SSL_free};
  std::unique_ptr<TlsRecords> records_;
  int client_error_ = 0;
  bool is_short_ = false;  // The client can take short records alone.
};

TEST_F(TlsRecordsTest, GoOnWhereTheLibraryEnds) {
  Connect();
  ASSERT_NE(records_, nullptr);
  for (const size_t bytes : {1, 15, 16, 17, 4'000, 16'384}) {
    const std::string text(bytes, 'x');
    EXPECT_EQ(Heard(Sealed({text})), text);
    std::string opened;
    EXPECT_EQ(Open(Said(text), opened), End::kNone);
    EXPECT_EQ(opened, text);
  }
  EXPECT_EQ(Heard(Sealed({"in", "", " some ", "parts"})), "in some parts");
  EXPECT_EQ(records_->held_bytes(), 0u);
}

TEST_F(TlsRecordsTest, LeaveWhatTheyDoNotKnowToTheLibrary) {
  Connect(TLS1_2_VERSION);
  EXPECT_EQ(records_, nullptr);
  Connect(TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(records_, nullptr);
  Connect(TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(records_, nullptr);
  is_short_ = true;
  Connect();
  EXPECT_EQ(records_, nullptr);
}

TEST_F(TlsRecordsTest, TakeRecordsInPartsOfAnyLength) {
  Connect();
  std::string sent, whole;
  for (size_t i = 0; i < 40; ++i) {
    const std::string text(1 + i * 7919 % 16'384, static_cast<char>('a' + i % 26));
    sent += Said(text);
    whole += text;
  }
  std::string opened;
  std::string_view rest = sent;
  for (size_t part = 1; !rest.empty(); part = part * 7 % 30'011) {
    ASSERT_EQ(Open(rest.substr(0, part), opened), End::kNone);
    rest.remove_prefix(std::min(part, rest.size()));
    EXPECT_LE(records_->held_bytes(), TlsRecords::kTextBytesMax + 300);
  }
  EXPECT_EQ(opened, whole);
  EXPECT_EQ(records_->held_bytes(), 0u);
}

TEST_F(TlsRecordsTest, TakeAndMakeNewKeys) {
  Connect();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    std::string opened;
    EXPECT_EQ(Open(Said("under the next key"), opened), End::kNone);
    EXPECT_EQ(opened, "under the next key");
    // Ours is new as well then, which the client is told of in a record before the text's.
    const std::string sealed = Sealed({"likewise"});
    EXPECT_EQ(sealed.size(), TlsRecords::SealedBytesMax(8));
    EXPECT_EQ(Heard(sealed), "likewise");
    const std::string plain = Sealed({"likewise"});
    EXPECT_LT(plain.size(), sealed.size());
    EXPECT_EQ(Heard(plain), "likewise");
  }
}

TEST_F(TlsRecordsTest, MakeANewKeyBeforeOneIsWornOut) {
  Connect(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", 3);
  std::vector<size_t> lengths;
  for (int i = 0; i < 8; ++i) {
    const std::string sealed = Sealed({"text"});
    lengths.push_back(sealed.size());
    EXPECT_EQ(Heard(sealed), "text");
  }
  const size_t plain = 4 + TlsRecords::kOverheadBytes, more = TlsRecords::SealedBytesMax(4);
  EXPECT_EQ(lengths, (std::vector{plain, plain, plain, more, plain, plain, more, plain}));
}

TEST_F(TlsRecordsTest, EndInOrder) {
  Connect();
  EXPECT_EQ(Heard(records_->SealAlert(Alert::kCloseNotify)), "");
  EXPECT_EQ(client_error_, SSL_ERROR_ZERO_RETURN);
  std::string sent = Said("last words");
  (void)SSL_shutdown(client_.get());
  sent += TakeSent();
  std::string opened;
  EXPECT_EQ(Open(sent + "whatever", opened), End::kClosed);
  EXPECT_EQ(opened, "last words");
}

TEST_F(TlsRecordsTest, BreakAtWhatWasTouched) {
  const std::string text(200, 'x');
  Connect();
  const size_t length = Said(text).size();
  for (size_t i = 0; i < length; ++i) {
    if (i == 1 || i == 2) continue;  // A version that means nothing any more.
    Connect();
    std::string sent = Said(text);
    sent[i] = static_cast<char>(sent[i] ^ 1);
    // One byte longer or shorter: the next record is part of it, or is none.
    sent += Said(text) + Said(text);
    std::string opened;
    ASSERT_EQ(Open(sent, opened), End::kBroken) << i;
    EXPECT_EQ(opened, "") << i;
    EXPECT_EQ(records_->alert(), i == 0 ? Alert::kUnexpectedMessage : Alert::kBadRecordMac) << i;
  }
  // The client is told.
  EXPECT_EQ(Heard(records_->SealAlert(records_->alert())), "");
  EXPECT_EQ(client_error_, SSL_ERROR_SSL);
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
}

TEST_F(TlsRecordsTest, BreakAtARecordThatComesTwiceOrIsLeftOut) {
  Connect();
  const std::string first = Said("first"), second = Said("second");
  std::string opened;
  EXPECT_EQ(Open(first + first, opened), End::kBroken);
  EXPECT_EQ(opened, "first");
  Connect();
  (void)Said("first");
  EXPECT_EQ(Open(Said("second"), opened), End::kBroken);
}

TEST_F(TlsRecordsTest, BreakAtMoreThanARecordHolds) {
  Connect();
  std::string opened;
  EXPECT_EQ(Open(std::string("\x17\x03\x03\x41\x01", 5), opened), End::kBroken);
  EXPECT_EQ(records_->alert(), Alert::kRecordOverflow);
  // As soon as its head is there, wherever that was cut.
  Connect();
  EXPECT_EQ(Open("\x17\x03\x03", opened), End::kNone);
  EXPECT_EQ(Open("\xff\xff", opened), End::kBroken);
}

// What keeps to no rule, sealed by somebody who has the secret.
class SealedByAnybody : public ::testing::Test {
 protected:
  End Open(std::string_view inner) {
    const std::string record = client_.Seal(inner);
    std::string out(record.size(), '\0');
    size_t length = 0;
    const End end = records_.Open(record, out.data(), length);
    text_.append(out, 0, length);
    return end;
  }

  const std::unique_ptr<RecordCipher> cipher_ = RecordCipher::Make();
  testing::AnyClientRecords client_{{1}};
  TlsRecords records_{{1}, {2}, {*cipher_, *cipher_}};
  std::string text_;
};

TEST_F(SealedByAnybody, TextsMayBePadded) {
  EXPECT_EQ(Open(std::string("text\x17\0\0\0", 8)), End::kNone);
  EXPECT_EQ(text_, "text");
}

TEST_F(SealedByAnybody, NothingButZerosIsNoRecord) {
  EXPECT_EQ(Open(std::string(20, '\0')), End::kBroken);
  EXPECT_EQ(records_.alert(), Alert::kUnexpectedMessage);
}

TEST_F(SealedByAnybody, ContentTypesThatNobodyKnowsBreak) {
  EXPECT_EQ(Open("text\x18"), End::kBroken);
  EXPECT_EQ(records_.alert(), Alert::kUnexpectedMessage);
}

TEST_F(SealedByAnybody, RecordsWithoutATextAreCounted) {
  int count = 0;
  while (Open("\x17") == End::kNone) ++count;
  EXPECT_EQ(count, 32);
  EXPECT_EQ(text_, "");
}

TEST_F(SealedByAnybody, SoAreNewKeysThatComeAtOnce) {
  const std::string update("\x18\0\0\1\0\x16", 6);
  // Who only listens may have as many as he likes, one at a time.
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(Open(update), End::kNone);
    client_.TakeNextKey();
  }
  std::string records;
  for (int i = 0; i < 33; ++i) {
    records += client_.Seal(update);
    client_.TakeNextKey();
  }
  std::string out(records.size(), '\0');
  size_t length = 0;
  EXPECT_EQ(records_.Open(records, out.data(), length), End::kBroken);
  EXPECT_EQ(records_.alert(), Alert::kUnexpectedMessage);
}

// Wherever it is cut (RFC 8446, section 5.1).
TEST_F(SealedByAnybody, ANewKeyMayComeInSeveralRecords) {
  const std::string update("\x18\0\0\1\0", 5);
  for (size_t cut = 1; cut < update.size(); ++cut) {
    ASSERT_EQ(Open(update.substr(0, cut) + '\x16'), End::kNone) << cut;
    ASSERT_EQ(Open(update.substr(cut) + '\x16'), End::kNone) << cut;
    client_.TakeNextKey();
    ASSERT_EQ(Open("text\x17"), End::kNone) << cut;
  }
  for (const char byte : update) ASSERT_EQ(Open(std::string{byte, '\x16'}), End::kNone);
  client_.TakeNextKey();
  ASSERT_EQ(Open("text\x17"), End::kNone);
  EXPECT_EQ(text_, "texttexttexttexttext");
}

TEST_F(SealedByAnybody, NothingComesBetweenThePartsOfANewKey) {
  for (const std::string& other : {std::string("text\x17"), std::string("\1\0\x15", 3)}) {
    const auto records = std::make_unique<TlsRecords>(
        TrafficSecrets::Secret{1}, TrafficSecrets::Secret{2},
        TlsRecords::Ciphers{*cipher_, *cipher_});
    testing::AnyClientRecords client{{1}};
    std::string both = client.Seal(std::string("\x18\0\x16", 3));
    both += client.Seal(other);
    std::string out(both.size(), '\0');
    size_t length = 0;
    EXPECT_EQ(records->Open(both, out.data(), length), End::kBroken);
    EXPECT_EQ(records->alert(), Alert::kUnexpectedMessage);
    EXPECT_EQ(length, 0u);
  }
}

TEST_F(SealedByAnybody, NoPartOfANewKeyIsEmpty) {
  EXPECT_EQ(Open("\x16"), End::kBroken);
  EXPECT_EQ(records_.alert(), Alert::kUnexpectedMessage);
}

TEST_F(SealedByAnybody, NothingFollowsANewKeyInItsRecord) {
  EXPECT_EQ(Open(std::string("\x18\0\0\1\0\x18\x16", 7)), End::kBroken);
  EXPECT_EQ(records_.alert(), Alert::kUnexpectedMessage);
}

TEST_F(SealedByAnybody, OtherHandshakesBreak) {
  EXPECT_EQ(Open(std::string("\x01\0\0\0\x16", 5)), End::kBroken);
  EXPECT_EQ(records_.alert(), Alert::kUnexpectedMessage);
}

TEST_F(SealedByAnybody, ANewKeyHasOneOfTwoWords) {
  EXPECT_EQ(Open(std::string("\x18\0\0\1\2\x16", 6)), End::kBroken);
  EXPECT_EQ(records_.alert(), Alert::kIllegalParameter);
}

TEST_F(SealedByAnybody, AlertsEndIt) {
  EXPECT_EQ(Open(std::string("\1\x5a\x15", 3)), End::kNone);  // user_canceled says nothing yet.
  EXPECT_EQ(Open(std::string("\2\x28\x15", 3)), End::kTold);
}

TEST_F(SealedByAnybody, AnAlertOfThreeBytesIsNone) {
  EXPECT_EQ(Open(std::string("\2\x28\0\x15", 4)), End::kBroken);
  EXPECT_EQ(records_.alert(), Alert::kDecodeError);
}

TEST(TrafficSecretsTest, TakeWhatIsASecret) {
  TrafficSecrets secrets;
  const std::string hex = "00ff" + std::string(60, 'a');
  secrets.Take("CLIENT_HANDSHAKE_TRAFFIC_SECRET 12 " + hex);
  secrets.Take("CLIENT_TRAFFIC_SECRET_0 12 " + hex + "00");  // SHA-384 has more.
  EXPECT_FALSE(secrets.client || secrets.server);
  secrets.Take("CLIENT_TRAFFIC_SECRET_0 12 " + hex);
  ASSERT_TRUE(secrets.client);
  EXPECT_EQ((*secrets.client)[0], 0);
  EXPECT_EQ((*secrets.client)[1], 0xff);
  EXPECT_EQ((*secrets.client)[31], 0xaa);
  secrets.Take("SERVER_TRAFFIC_SECRET_0 12 " + std::string(64, 'g'));
  EXPECT_FALSE(secrets.server);
}

}  // namespace
}  // namespace skiff::http
