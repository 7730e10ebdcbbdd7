#include "http/tls_records.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "http/intake.h"

namespace skiff::http {
namespace {

using Secret = TrafficSecrets::Secret;

int DigitOf(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

bool ReadHex(std::string_view hex, Secret& secret) {
  if (hex.size() != 2 * secret.size()) return false;
  for (size_t i = 0; i < secret.size(); ++i) {
    const int high = DigitOf(hex[2 * i]);
    const int low = DigitOf(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    secret[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

// HKDF-Expand-Label(secret, label, "", out.size()), RFC 8446, section 7.1.
void Expand(const Secret& secret, std::string_view label, std::span<uint8_t> out) {
  static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "TLS13-KDF", nullptr);
  CHECK(kdf != nullptr);
  const std::unique_ptr<EVP_KDF_CTX, void (*)(EVP_KDF_CTX*)> context(EVP_KDF_CTX_new(kdf),
                                                                     EVP_KDF_CTX_free);
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  char digest[] = "SHA256";
  char prefix[] = "tls13 ";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<uint8_t*>(secret.data()),
                                        secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, sizeof prefix - 1),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, const_cast<char*>(label.data()),
                                        label.size()),
      OSSL_PARAM_construct_end()};
  CHECK(context != nullptr && EVP_KDF_derive(context.get(), out.data(), out.size(), params) == 1);
}

void PutHead(size_t length, char* out) {
  // Application data of TLS 1.2, whatever it is (section 5.2).
  const char head[] = {23, 3, 3, static_cast<char>(length >> 8), static_cast<char>(length)};
  static_assert(sizeof head == TlsRecords::kHeadBytes);
  std::memcpy(out, head, sizeof head);
}

// How long the record is that `bytes` begin with; 0 when they do not tell yet.
size_t WholeRecord(std::string_view bytes) {
  if (bytes.size() < TlsRecords::kHeadBytes) return 0;
  return TlsRecords::kHeadBytes + (static_cast<size_t>(static_cast<uint8_t>(bytes[3])) << 8 |
                                   static_cast<uint8_t>(bytes[4]));
}

}  // namespace

TrafficSecrets::~TrafficSecrets() {
  OPENSSL_cleanse(&client, sizeof client);
  OPENSSL_cleanse(&server, sizeof server);
}

void TrafficSecrets::Take(std::string_view line) {
  std::optional<Secret>* const place = line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")   ? &client
                                       : line.starts_with("SERVER_TRAFFIC_SECRET_0 ") ? &server
                                                                                      : nullptr;
  if (place == nullptr) return;
  // Nowhere else, so that it is overwritten there.
  if (!ReadHex(line.substr(line.rfind(' ') + 1), place->emplace())) place->reset();
}

TlsRecords::Side::Side(const Secret& first) : secret(first) {
  MakeKey();
}

TlsRecords::Side::~Side() {
  OPENSSL_cleanse(secret.data(), secret.size());
  OPENSSL_cleanse(key.data(), key.size());
  OPENSSL_cleanse(iv.data(), iv.size());
}

void TlsRecords::Side::MakeKey() {
  Expand(secret, "key", key);
  Expand(secret, "iv", iv);
  records = 0;
}

void TlsRecords::Side::NextKey() {
  Secret next;
  Expand(secret, "traffic upd", next);
  secret = next;
  OPENSSL_cleanse(next.data(), next.size());
  MakeKey();
}

RecordCipher::Nonce TlsRecords::Side::NextNonce() {
  RecordCipher::Nonce nonce = iv;
  for (size_t i = 0; i < sizeof records; ++i) {
    nonce[nonce.size() - 1 - i] ^= static_cast<uint8_t>(records >> (8 * i));
  }
  ++records;
  return nonce;
}

std::unique_ptr<TlsRecords> TlsRecords::TakeOver(const TrafficSecrets& secrets, const SSL* ssl,
                                                 Ciphers ciphers) {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl);
  if (SSL_version(ssl) != TLS1_3_VERSION || cipher == nullptr ||
      SSL_CIPHER_get_protocol_id(cipher) != (TLS1_3_CK_AES_128_GCM_SHA256 & 0xffff) ||
      !secrets.client || !secrets.server || SSL_has_pending(ssl) != 0 ||
      SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl)) !=
          TLSEXT_max_fragment_length_DISABLED) {
    return nullptr;
  }
  return std::make_unique<TlsRecords>(*secrets.client, *secrets.server, ciphers);
}

TlsRecords::TlsRecords(const Secret& client, const Secret& server, Ciphers ciphers,
                       uint64_t records_per_key_max)
    : ciphers_(ciphers),
      records_per_key_max_(records_per_key_max),
      client_(client),
      server_(server) {}

size_t TlsRecords::SealRecord(ContentType type, std::span<const std::string_view> parts,
                              char* out) {
  size_t text_bytes = 0;
  for (const std::string_view part : parts) text_bytes += part.size();
  CHECK(text_bytes > 0 && text_bytes <= kTextBytesMax);
  PutHead(text_bytes + 1 + RecordCipher::kTagBytes, out);
  RecordCipher& cipher = ciphers_.seal;
  cipher.Begin(server_.key, server_.NextNonce(), {out, kHeadBytes});
  char* at = out + kHeadBytes;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    cipher.Seal(part, at);
    at += part.size();
  }
  const char kind = static_cast<char>(type);
  cipher.Seal({&kind, 1}, at++);
  cipher.Finish(at);
  return text_bytes + kOverheadBytes;
}

// Tells the client, by a record of the old key, that there is a new one, which those behind it
// have.
size_t TlsRecords::UpdateKey(char* out) {
  static constexpr std::string_view kKeyUpdate("\x18\0\0\1\0", kUpdateBytes);  // None is asked for.
  const std::string_view parts[] = {kKeyUpdate};
  const size_t length = SealRecord(ContentType::kHandshake, parts, out);
  server_.NextKey();
  owes_update_ = false;
  return length;
}

size_t TlsRecords::Seal(std::span<const std::string_view> parts, char* out) {
  size_t length = 0;
  if (owes_update_ || server_.records >= records_per_key_max_) length = UpdateKey(out);
  return length + SealRecord(ContentType::kApplicationData, parts, out + length);
}

std::string TlsRecords::SealAlert(Alert alert) {
  constexpr char kWarning = 1, kFatal = 2;
  const char message[] = {alert == Alert::kCloseNotify ? kWarning : kFatal,
                          static_cast<char>(alert)};
  const std::string_view parts[] = {{message, sizeof message}};
  std::string sealed(sizeof message + kOverheadBytes, '\0');
  SealRecord(ContentType::kAlert, parts, sealed.data());
  return sealed;
}

TlsRecords::End TlsRecords::Break(Alert alert) {
  alert_ = alert;
  return End::kBroken;
}

TlsRecords::End TlsRecords::Open(std::string_view bytes, char* out, size_t& length) {
  length = 0;
  updates_ = 0;
  while (!bytes.empty()) {
    std::string_view record;
    if (held_.empty()) {
      record = bytes;
    } else {
      // Its head first, and when that says how much there is of it, the rest.
      const size_t whole = std::max(WholeRecord(held_), kHeadBytes);
      const size_t taken = std::min(bytes.size(), whole - std::min(whole, held_.size()));
      held_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      record = held_;
    }
    const size_t whole = WholeRecord(record);
    if (whole != 0 && record[0] != static_cast<char>(ContentType::kApplicationData)) {
      return Break(Alert::kUnexpectedMessage);
    }
    if (whole > kHeadBytes + kSealedTextBytesMax) return Break(Alert::kRecordOverflow);
    const bool is_held = !held_.empty();
    if (whole == 0 || record.size() < whole) {
      held_.reserve(whole);
      if (is_held) continue;
      held_ = record;
      return End::kNone;
    }
    const End end = OpenRecord(record.substr(0, whole), out, length);
    if (end != End::kNone) return end;
    if (is_held) {
      LetGo(held_);
    } else {
      bytes.remove_prefix(whole);
    }
  }
  return End::kNone;
}

// Its text comes behind the `length` bytes of those before.
TlsRecords::End TlsRecords::OpenRecord(std::string_view record, char* out, size_t& length) {
  const std::string_view head = record.substr(0, kHeadBytes);
  const std::string_view sealed = record.substr(kHeadBytes);
  if (sealed.size() <= RecordCipher::kTagBytes) return Break(Alert::kBadRecordMac);
  const size_t inner = sealed.size() - RecordCipher::kTagBytes;
  char* const text = out + length;
  if (!ciphers_.open.Open(client_.key, client_.NextNonce(), head, sealed.substr(0, inner),
                          sealed.substr(inner), text)) {
    return Break(Alert::kBadRecordMac);
  }
  // Text, content type, and any number of zeros.
  size_t end = inner;
  while (end > 0 && text[end - 1] == 0) --end;
  if (end == 0) return Break(Alert::kUnexpectedMessage);
  if (--end > kTextBytesMax) return Break(Alert::kRecordOverflow);
  const std::string_view message(text, end);
  const auto type = static_cast<ContentType>(text[end]);
  if (update_bytes_ > 0 && type != ContentType::kHandshake) {
    return Break(Alert::kUnexpectedMessage);
  }
  switch (type) {
    case ContentType::kApplicationData:
      length += end;
      if (end == 0) return CountEmpty();
      empty_ = 0;
      return End::kNone;
    case ContentType::kAlert:
      return OnAlert(message);
    case ContentType::kHandshake:
      return OnHandshake(message);
  }
  return Break(Alert::kUnexpectedMessage);
}

// They cost something, and bring nothing.
TlsRecords::End TlsRecords::CountEmpty() {
  return ++empty_ > kEmptyInARowMax ? Break(Alert::kUnexpectedMessage) : End::kNone;
}

TlsRecords::End TlsRecords::OnAlert(std::string_view message) {
  constexpr char kUserCanceled = 90;  // What it means, the alert behind it says.
  if (message.size() != 2) return Break(Alert::kDecodeError);
  if (message[1] == kUserCanceled) return CountEmpty();
  return message[1] == 0 ? End::kClosed : End::kTold;
}

// Of what may come after a handshake a client has one: that it has a new key. It may be cut over
// several records, with nothing else between them; what follows it has the new key, and so a record
// of its own (section 5.1).
TlsRecords::End TlsRecords::OnHandshake(std::string_view message) {
  constexpr std::string_view kKeyUpdate("\x18\0\0\1", 4);
  if (message.empty() || message.size() > kUpdateBytes - update_bytes_) {
    return Break(Alert::kUnexpectedMessage);
  }
  message.copy(update_.data() + update_bytes_, message.size());
  update_bytes_ += static_cast<uint8_t>(message.size());
  const std::string_view update(update_.data(), update_bytes_);
  if (!kKeyUpdate.starts_with(update.substr(0, kKeyUpdate.size()))) {
    return Break(Alert::kUnexpectedMessage);
  }
  if (update.size() < kUpdateBytes) return End::kNone;
  update_bytes_ = 0;
  if (++updates_ > kUpdatesAtOnceMax) return Break(Alert::kUnexpectedMessage);
  const char wants_ours = update.back();
  if (wants_ours != 0 && wants_ours != 1) return Break(Alert::kIllegalParameter);
  client_.NextKey();
  // Before the next text; there may be none for long.
  if (wants_ours == 1) owes_update_ = true;
  return End::kNone;
}

}  // namespace skiff::http
