// A connected socket in a loop, with TLS or without: non-blocking reads, and an outbox that is sent
// as the peer takes it. Internal to http/; on its loop's thread only.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/event_loop.h"
#include "http/stream.h"
#include "http/tls.h"
#include "http/tls_records.h"

typedef struct ssl_st SSL;

namespace skiff::http {

class Channel {
 public:
  enum class Io {
    kDone,   // Something was read; everything was sent; the handshake is through.
    kAgain,  // The socket decides when to go on; OnReady will be called, or OnTurn.
    kEof,    // The peer closed its side in order.
    kError,  // The connection is of no more use.
  };

  // Of a turn: as much as goes to the kernel in one call. With what four records add it is what the
  // kernel sends as one packet: 45 segments of an ethernet, or one on the way to the same machine.
  // A few bytes more would be a packet of their own, which costs as much as the first.
  static constexpr size_t kPacketBytes = 45 * 1448;
  static constexpr size_t kFlushBytes = kPacketBytes - 4 * TlsRecords::kOverheadBytes;

  // Takes `fd`, connected or connecting, and registers it for reading.
  Channel(Loop& loop, LoopListener& listener, int fd);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void AcceptTls(const TlsContext& context);
  // `host`: what the certificate must name, and SNI when it is no address.
  void ConnectTls(const TlsContext& context, const std::string& host);
  // Until kDone, before anything is read or sent.
  Io Handshake();
  bool secure() const { return ssl_ || records_; }
  // What the handshake agreed to speak, in ALPN's words; "" when nothing was said of it.
  std::string_view protocol() const;
  // Null without TLS, and once it was let go of.
  SSL* ssl() const { return ssl_.get(); }
  // Of a finished one all that its records do not need: neither protocol() nor ssl() says anything
  // from here on. Where the library makes the records it stays.
  void LetGoOfHandshake();
  // What went wrong, in words; after kError. Of a client's channel, in those of Go.
  const std::string& error() const { return error_; }
  // The errno, where it was the socket that failed; else 0.
  int socket_error() const { return socket_error_; }

  // Asks the socket once. At most one scratch buffer; `bytes` lies there until the loop is used
  // again. What comes behind them, an end or an error, OnReady tells of in the same round.
  Io Read(std::string_view& bytes);
  // Whether OnReady tells of bytes to read.
  void WantRead(bool want);

  void Send(std::string bytes);
  void Send(SharedBytes bytes);
  // Of these the `length` from `offset` on.
  void SendPart(SharedBytes bytes, size_t offset, size_t length);
  // Sends until the outbox is empty (kDone), the peer takes no more, or it was `bytes_max`: then
  // the rest has its turn after others'.
  Io Flush(size_t bytes_max = kFlushBytes);
  // Has the listener's OnTurn called, for who has more that is not in the outbox yet.
  void AskTurn() {
    if (!closed()) loop_.AskTurn(listener_);
  }
  // What the socket has not taken.
  size_t queued_bytes() const { return queued_bytes_ + rest_.size(); }
  // Everything that was ever taken by the socket; grows while the peer reads.
  uint64_t sent_bytes() const { return sent_bytes_; }
  // Tells the peer that nothing more comes. The outbox must be empty.
  void CloseWrite();
  // Closing shall not look like an end in order, where the protocol can tell.
  void MarkCut();
  // OnReady also when the socket can be written, as connecting needs.
  void WantWrite(bool want);
  // Unregisters and closes; nothing else may be called after.
  void Close();
  bool closed() const { return fd_ < 0; }
  int fd() const { return fd_; }

 private:
  struct Piece {
    SharedBytes shared;  // Or null, and the bytes are here:
    std::string own;
    size_t offset = 0;  // Of what is shared.
    size_t length = 0;
    std::string_view view() const {
      return shared ? std::string_view(*shared).substr(offset, length) : own;
    }
  };
  struct RecordPipe;  // The library's way to the socket and back.
  void AttachTls(const TlsContext& context);
  Io ReadTls(std::string_view& bytes);
  Io ReadRecords(std::string_view& bytes);
  ssize_t TakeRecords(char* out, size_t length);
  Io SendPlain(size_t bytes_max);
  Io Refused();
  Io SendSealed(size_t end);
  Io SendTls(size_t bytes_max);
  Io SendRecord(size_t bytes_max);
  void SayGoodbye();
  void SendAlert(TlsRecords::Alert alert);
  std::string_view GatherRecord(size_t bytes_max);
  ssize_t GiveRecord(std::string_view record);
  bool GiveSealed();
  bool SendRest();
  void Sent(size_t bytes);
  void SocketFailed(int error);
  Io Explain(int ssl_result);
  void UpdateInterest();
  void RepeatEnd();

  Loop& loop_;
  LoopListener& listener_;
  int fd_;
  uint32_t interest_ = 0;
  bool want_read_ = true;
  bool want_write_ = false;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  std::unique_ptr<TrafficSecrets> secrets_;  // While a server's handshake lasts.
  std::unique_ptr<TlsRecords> records_;      // Behind it, in place of the library's.
  // Within ReadTls: what the socket gave, as far as the library has not taken it yet. It reads
  // until it wants more, so nothing is left here between two calls.
  std::string_view unread_;
  enum class Asking : uint8_t { kForEach, kOnce, kNoMore } asking_ = Asking::kForEach;
  std::optional<Io> read_end_;  // Of TLS: what Read returns from now on.
  // Within SendSealed: records gather in the loop's scratch, so many bytes by now.
  bool sealing_ = false;
  size_t sealed_bytes_ = 0;
  std::string rest_;           // Of them, what the socket did not take.
  std::vector<Piece> outbox_;  // Sent up to first_, and of that one up to first_offset_.
  size_t first_ = 0;
  size_t first_offset_ = 0;
  size_t queued_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
  std::array<char, 5> first_bytes_{};  // Of a handshake, as many as a header of a record.
  uint8_t first_count_ = 0;
  int socket_error_ = 0;
  std::string error_;
};

}  // namespace skiff::http
