// One client's connection to a Server. Internal; on its loop's thread only, Answer aside.
//
//   kHandshake -> kReading -> kHandling -> kSending -> kReading ...            keep-alive
//                                |            `-> kLingering                   to be closed
//                                `-> kStreaming (stream or upgrade) -> kReading, or closed
//
// kReading covers the idle time between requests, the head and the body. In kHandling a worker has
// the request, or a PendingResponse is out; what a pipelining client sends meanwhile waits in in_.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/carrier.h"
#include "http/channel.h"
#include "http/head.h"
#include "http/intake.h"
#include "http/message.h"

namespace skiff::http {

class ServerConnection;
struct Limits;

// An answer ready to be sent: a head and what follows it.
struct PreparedAnswer {
  std::string head;  // A short body right behind it.
  std::vector<SharedBytes> pieces;
  Framing framing;
  std::unique_ptr<StreamSource> stream;
  std::unique_ptr<Duplex> upgrade;
  std::unique_ptr<PendingResponse> pending;
  bool keep_alive = true;
};

// What of a request shapes its answer.
struct RequestTraits {
  bool is_head = false;
  int minor_version = 1;
  bool keep_alive = true;
};
PreparedAnswer Prepare(Response response, const RequestTraits& traits);

// The server's side of a connection. Outlives it.
class ConnectionHost {
 public:
  virtual const Limits& limits() const = 0;
  virtual TlsContext tls() const = 0;  // Null: plain.
  virtual bool stopping() const = 0;
  // Handles the request on a worker, which then calls connection->Answer; false when too many wait.
  // `held` is the request's share, given back with it.
  virtual bool Dispatch(std::weak_ptr<ServerConnection> connection,
                        std::shared_ptr<Request> request, RequestTraits traits,
                        Intake::Share held) = 0;
  // Its first head is there, or never will be.
  virtual void Arrived(ServerConnection& connection) = 0;
  // Whether its handshake may begin; if not, GoOn is called when it may.
  virtual bool BeginHandshake(ServerConnection& connection) = 0;
  // Its handshake is over, or given up.
  virtual void EndHandshake(ServerConnection& connection) = 0;
  // Others wait that could begin if this one ended.
  virtual bool IsHandshakeInTheWay(ServerConnection& connection) = 0;
  // Between Dispatch and the moment the answer is sent or its stream begins.
  virtual void CountBusy(int change) = 0;
  // Lets go of it, when no frame of it is left on the stack.
  virtual void Remove(ServerConnection& connection) = 0;

 protected:
  ~ConnectionHost() = default;
};

class ServerConnection final : public LoopListener,
                               public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(Loop& loop, ConnectionHost& host, Intake& intake, int fd,
                   std::string remote_address);
  ~ServerConnection();

  void Start();
  // Its handshake may begin now.
  void GoOn();
  // Any thread; the loop takes it from there.
  static void Answer(Loop& loop, std::weak_ptr<ServerConnection> connection, PreparedAnswer answer);
  Loop& loop() { return loop_; }
  const std::string& remote_address() const { return remote_address_; }
  // The server is stopping: closes if idle, else after the present request.
  void CloseWhenIdle();
  // Ends a stream in order.
  void EndStream();
  void Close();

 private:
  enum class State { kHandshake, kReading, kHandling, kSending, kStreaming, kLingering };
  static constexpr size_t kPipelinedBytesMax = 64 << 10;  // Past it, not read until it is its turn.
  static constexpr size_t kLingerBytesMax = 8 << 20;
  static constexpr size_t kWriteBytesMin = 64 << 10;  // In a write_timeout.
  // What is awaited in kReading. Each has one deadline, from when it begins.
  enum class Awaited { kNothing, kRequest, kHead, kBody };

  void OnReady(uint32_t events) override;
  void OnWake() override;
  void OnTimer() override;

  void DoHandshake();
  bool BeginHandshake();
  void OnReadable();
  void OnBytes(std::string_view bytes);
  void OnEof();
  // Takes as much of a request out of in_ as is there.
  void Advance();
  bool AdvanceHead();  // False: more is to come, or the connection is done for.
  bool AdvanceBody();
  bool DecodeChunks();
  void SkipEmptyLines();
  std::string_view unparsed() const { return std::string_view(in_).substr(in_used_); }
  void Consume(size_t bytes);
  void DispatchRequest(bool body_too_large);
  void OnAnswer(PreparedAnswer answer);
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

  Loop& loop_;
  ConnectionHost& host_;
  const std::string remote_address_;
  State state_ = State::kReading;
  Channel channel_;
  Timer timer_;
  std::shared_ptr<Wake> wake_;  // Made when the first stream begins.
  std::unique_ptr<Carrier> carrier_;
  std::unique_ptr<PendingResponse> pending_;
  std::shared_ptr<const PeerCertificate> peer_;
  std::string peer_error_;

  std::string in_;  // Received; parsed up to in_used_.
  size_t in_used_ = 0;
  size_t head_searched_ = 0;
  Awaited awaited_ = Awaited::kNothing;   // Whose deadline runs.
  Duration first_head_due_ = kNever;
  bool may_shake_ = false;
  Intake::Share share_;                   // Of what is buffered here.
  std::unique_ptr<RequestHead> head_;     // Not null while its body arrives.
  std::unique_ptr<ChunkDecoder> chunks_;  // Not null for a chunked body.
  std::string body_;
  RequestTraits traits_;  // Of the request being handled.
  bool busy_ = false;
  bool close_after_ = false;  // The present request is the last.
  bool linger_after_ = false;
  bool peer_closed_ = false;
  size_t lingered_bytes_ = 0;
  // What the peer has taken, as of when its time to take more began; that ends at write_due_.
  uint64_t sent_before_ = 0;
  Duration write_due_ = kNever;
};

}  // namespace skiff::http
