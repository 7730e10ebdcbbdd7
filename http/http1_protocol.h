// HTTP/1.1 on a server's connection: one request after the other. Internal.
//
//   kReading -> kHandling -> kSending -> kReading ...            keep-alive
//                   |            `-> the connection lingers      to be closed
//                   `-> kStreaming (stream or upgrade) -> kReading, or closed
//
// kReading covers the idle time between requests, the head and the body. In kHandling a worker has
// the request, or a PendingResponse is out; what a pipelining client sends meanwhile waits in in_.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/carrier.h"
#include "http/intake.h"
#include "http/protocol.h"

namespace skiff::http {

class ConnectionHost;
class ServerConnection;

class Http1Protocol final : public Protocol, public LoopListener {
 public:
  explicit Http1Protocol(ServerConnection& connection);

  void OnBytes(std::string_view bytes) override;
  void OnEof() override;
  void OnWritable() override;
  void OnTimer() override;
  void OnAnswer(int32_t stream, PreparedAnswer answer) override;
  void CloseWhenIdle() override;
  void EndStreams() override;
  void OnClose() override;

 private:
  enum class State { kReading, kHandling, kSending, kStreaming };
  static constexpr size_t kPipelinedBytesMax = 64 << 10;  // Past it, not read until it is its turn.
  static constexpr size_t kWriteBytesMin = 64 << 10;      // In a write_timeout.
  // What is awaited in kReading. Each has one deadline, from when it begins.
  enum class Awaited { kNothing, kRequest, kHead, kBody };

  void OnWake() override;

  // Takes as much of a request out of in_ as is there.
  void Advance();
  bool AdvanceHead();  // False: more is to come, or the connection is done for.
  bool AdvanceBody();
  bool DecodeChunks();
  void SkipEmptyLines();
  std::string_view unparsed() const { return std::string_view(in_).substr(in_used_); }
  void Consume(size_t bytes);
  void DispatchRequest(bool body_too_large);
  void Send(PreparedAnswer answer);
  void StartPending(std::unique_ptr<PendingResponse> pending);
  void StartStream(PreparedAnswer& answer);
  void Refuse(const HeadFault& fault);
  // Counts what is buffered; refuses the request when there is no room for it, and is false.
  bool HasRoom();
  void RefuseBusy();
  void Continue(Channel::Io flushed);
  void OnCarrier(Carrier::State state);
  void NextRequest();
  void Linger();
  void EndBusy();
  void ArmForReading();
  void ArmForStream();
  bool IsStalled() const;
  void Close();

  ServerConnection& connection_;
  Loop& loop_;
  ConnectionHost& host_;
  Channel& channel_;
  Timer& timer_;
  Intake::Share& share_;
  State state_ = State::kReading;
  std::shared_ptr<Wake> wake_;  // Made when the first stream begins.
  std::unique_ptr<Carrier> carrier_;
  std::unique_ptr<PendingResponse> pending_;

  std::string in_;  // Received; parsed up to in_used_.
  size_t in_used_ = 0;
  size_t head_searched_ = 0;
  Awaited awaited_ = Awaited::kHead;      // Whose deadline runs.
  std::unique_ptr<RequestHead> head_;     // Not null while its body arrives.
  Duration arrived_ = Duration::zero();   // When that was there.
  std::unique_ptr<ChunkDecoder> chunks_;  // Not null for a chunked body.
  std::string body_;
  RequestTraits traits_;          // Of the request being handled.
  std::shared_ptr<Asker> asker_;  // Made for the first one that is handed on.
  bool busy_ = false;
  bool advances_ = false;     // It is deferred.
  bool close_after_ = false;  // The present request is the last.
  bool linger_after_ = false;
  bool peer_closed_ = false;
  // What the peer has taken, as of when its time to take more began; that ends at write_due_.
  uint64_t sent_before_ = 0;
  Duration write_due_ = kNever;
};

}  // namespace skiff::http
