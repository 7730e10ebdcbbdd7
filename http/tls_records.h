// A server's records of TLS 1.3 once the handshake is through (RFC 8446, sections 4.6.3, 5 and 6).
// Pure: bytes in, bytes out. Not thread-safe.
//
// The handshake is the library's. What comes after it is small: records that are sealed with a key
// and a counter, alerts, and new keys. For that the library keeps 14 kB a connection, copies each
// byte twice, and has no use for a faster cipher (decision 0086). So who is through with the
// handshake takes its secrets along and lets go of it:
//
//   records = TlsRecords::TakeOver(*secrets, ssl, loop.ciphers());   // null: the library goes on
//
// Only for TLS_AES_128_GCM_SHA256, which is what a server chooses where the processor knows AES.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/record_cipher.h"

typedef struct ssl_st SSL;

namespace skiff::http {

// What a handshake leaves: the first traffic secrets of application data, SHA-256's length. Filled
// by the library while it lasts.
struct TrafficSecrets {
  using Secret = std::array<uint8_t, 32>;
  std::optional<Secret> client;
  std::optional<Secret> server;
  ~TrafficSecrets();  // They are overwritten.

  // A line that the library has for key logs: LABEL, the client's random bytes, the secret, in hex.
  void Take(std::string_view line);
};

class TlsRecords {
 public:
  static constexpr size_t kTextBytesMax = 16 << 10;  // Of a record.
  static constexpr size_t kHeadBytes = 5;
  // What a record is longer than its text: head, content type, tag.
  static constexpr size_t kOverheadBytes = kHeadBytes + 1 + RecordCipher::kTagBytes;

  // Alerts, by their numbers.
  enum class Alert : uint8_t {
    kCloseNotify = 0,
    kUnexpectedMessage = 10,
    kBadRecordMac = 20,
    kRecordOverflow = 22,
    kIllegalParameter = 47,
    kDecodeError = 50,
  };

  // Which all records of a thread may share. They outlive them.
  struct Ciphers {
    RecordCipher& seal;
    RecordCipher& open;
  };

  // Records go on where those of `ssl` would, a server whose handshake has just ended and that has
  // sent nothing since, tickets among it: null where it has agreed on something else, shorter
  // records among it, or has read more.
  static std::unique_ptr<TlsRecords> TakeOver(const TrafficSecrets& secrets, const SSL* ssl,
                                              Ciphers ciphers);
  // Of an AES key at most 24 million records of full size may be sealed (section 5.5).
  static constexpr uint64_t kRecordsPerKeyMax = 1 << 23;
  TlsRecords(const TrafficSecrets::Secret& client, const TrafficSecrets::Secret& server,
             Ciphers ciphers, uint64_t records_per_key_max = kRecordsPerKeyMax);
  TlsRecords(const TlsRecords&) = delete;
  TlsRecords& operator=(const TlsRecords&) = delete;

  // Seals the parts, together not empty and kTextBytesMax at most, as a record at `out`, which has
  // room for SealedBytesMax of it. Returns its length; another record may stand before it, with the
  // new key that was asked for, or that is due.
  size_t Seal(std::span<const std::string_view> parts, char* out);
  static constexpr size_t SealedBytesMax(size_t text_bytes) {
    return text_bytes + kOverheadBytes + kUpdateBytes + kOverheadBytes;
  }
  // An alert, as it goes over the line. Nothing is sealed behind it.
  std::string SealAlert(Alert alert);

  enum class End {
    kNone,    // More may come.
    kClosed,  // The client has said that nothing more comes.
    kBroken,  // It is of no more use: alert() is what the client should be told,
    kTold,    // and here the client has told us: an alert of its own.
  };
  // Takes what came in, and puts the texts of whole records at `out`, `length` bytes in all: never
  // more than there were of records, what is held of one included. What follows an end is ignored.
  End Open(std::string_view bytes, char* out, size_t& length);
  Alert alert() const { return alert_; }
  // Of a record that is not whole yet, kTextBytesMax and a little at most.
  size_t held_bytes() const { return held_.size(); }

 private:
  static constexpr size_t kUpdateBytes = 5;  // A KeyUpdate.
  static constexpr size_t kSealedTextBytesMax = kTextBytesMax + 256;
  // Of one call of Open: each takes some microseconds.
  static constexpr int kUpdatesAtOnceMax = 32;
  static constexpr int kEmptyInARowMax = 32;  // Records without a text; as OpenSSL.

  struct Side {
    explicit Side(const TrafficSecrets::Secret& secret);
    ~Side();
    void MakeKey();
    void NextKey();
    RecordCipher::Nonce NextNonce();

    TrafficSecrets::Secret secret;
    RecordCipher::Key key{};
    RecordCipher::Nonce iv{};
    uint64_t records = 0;
  };
  enum class ContentType : uint8_t { kAlert = 21, kHandshake = 22, kApplicationData = 23 };

  size_t SealRecord(ContentType type, std::span<const std::string_view> parts, char* out);
  size_t UpdateKey(char* out);
  End OpenRecord(std::string_view record, char* out, size_t& length);
  End CountEmpty();
  End OnAlert(std::string_view message);
  End OnHandshake(std::string_view message);
  End Break(Alert alert);

  const Ciphers ciphers_;
  const uint64_t records_per_key_max_;
  Side client_;
  Side server_;
  std::string held_;
  Alert alert_ = Alert::kCloseNotify;
  bool owes_update_ = false;
  // Of a KeyUpdate that goes on in the next record.
  std::array<char, kUpdateBytes> update_{};
  uint8_t update_bytes_ = 0;
  int updates_ = 0;  // In this call of Open.
  int empty_ = 0;
};

}  // namespace skiff::http
