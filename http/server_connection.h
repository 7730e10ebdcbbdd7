// One client's connection to a Server: socket, handshake, identity, and the end of it all. What is
// said on it is its Protocol's business. Internal; on its loop's thread only, Answer aside.
//
//   kHandshake -> kOpen (a Protocol has it) -> kLingering, or closed
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/answer.h"
#include "http/channel.h"
#include "http/head.h"
#include "http/intake.h"
#include "http/message.h"
#include "http/protocol.h"
#include "http/unverified_peer.h"

namespace skiff::http {

class ServerConnection;
struct Limits;

// The server's side of a connection. Outlives it.
class ConnectionHost {
 public:
  virtual const Limits& limits() const = 0;
  virtual TlsContext tls() const = 0;  // Null: plain.
  virtual bool stopping() const = 0;
  // The answer, where it is there at once, as it is when too many wait for a worker. Else a worker
  // handles the request, and then calls connection->Answer. `held` is the request's share, given
  // back with it.
  virtual std::optional<PreparedAnswer> Dispatch(std::weak_ptr<ServerConnection> connection,
                                                 std::shared_ptr<Request> request,
                                                 RequestTraits traits, Intake::Share held) = 0;
  // Its first head is there, or never will be.
  virtual void Arrived(ServerConnection& connection) = 0;
  // Whether its handshake may begin; if not, GoOn is called when it may.
  virtual bool BeginHandshake(ServerConnection& connection) = 0;
  // Its handshake is over, or given up.
  virtual void EndHandshake(ServerConnection& connection) = 0;
  // It failed.
  virtual void HandshakeFailed() = 0;
  // Others wait that could begin if this one ended.
  virtual bool IsHandshakeInTheWay(ServerConnection& connection) = 0;
  // Between Dispatch and the moment the answer is sent or its stream begins.
  virtual void CountBusy(int change) = 0;
  // Whose requests, so many at most, were handed on is gone, or may be; their Askers say so.
  virtual void AskerLeft(size_t requests) = 0;
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
  static void Answer(Loop& loop, std::weak_ptr<ServerConnection> connection, int32_t stream,
                     PreparedAnswer answer);
  // On the loop.
  void AnswerHere(int32_t stream, PreparedAnswer answer);
  // The server is stopping: closes if idle, else after the present requests.
  void CloseWhenIdle();
  // Ends streams in order, but those that end by themselves.
  void EndStreams();
  // Closes, and lets the client know that what he has may not be all.
  void CutOff();
  void Close();

  // For the protocol:
  Loop& loop() { return loop_; }
  ConnectionHost& host() { return host_; }
  Channel& channel() { return channel_; }
  Timer& timer() { return timer_; }
  // Of what is buffered of requests that have not been handed on.
  Intake::Share& share() { return share_; }
  const std::string& remote_address() const { return remote_address_; }
  // When the first head must be there.
  Duration first_head_due() const { return first_head_due_; }
  // The request that `head` begins, as far as it goes without its body.
  // Its head was there at that time.
  std::shared_ptr<Request> MakeRequest(RequestHead head, Duration arrived);
  // Whose call answers a request of these traits; 502 when its last copy is dropped.
  Reply MakeReply(const RequestTraits& traits);
  // Closes when the client has read what was sent, which is the last: closed at once, unread bytes
  // would make the kernel send a reset, and the answer could be lost.
  void Linger();

 private:
  enum class State { kHandshake, kOpen, kLingering };
  static constexpr size_t kLingerBytesMax = 8 << 20;

  void OnReady(uint32_t events) override;
  void OnTurn() override;
  void OnTimer() override;

  void DoHandshake();
  bool BeginHandshake();
  void Open();
  void OnReadable();
  void OnBytes(std::string_view bytes);
  void JudgeAgain();

  Loop& loop_;
  ConnectionHost& host_;
  const std::string remote_address_;
  State state_ = State::kOpen;
  Channel channel_;
  Timer timer_;
  Intake::Share share_;
  std::unique_ptr<Protocol> protocol_;  // Null until the handshake is through.
  std::shared_ptr<const PeerCertificate> peer_;
  std::string peer_error_;
  TlsContext context_;                          // Of the handshake, while it goes on.
  std::unique_ptr<UnverifiedPeer> unverified_;  // Whom the error is about.
  Duration first_head_due_ = kNever;
  bool may_shake_ = false;
  size_t lingered_bytes_ = 0;
};

}  // namespace skiff::http
