// One connection of the client and the request that is on it; `http/client` hands out what it
// makes. Internal.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "http/carrier.h"
#include "http/channel.h"
#include "http/client.h"
#include "http/head.h"
#include "http/pipe.h"
#include "http/socket.h"

namespace skiff::http {

// Requests to the same place can share a connection.
std::string PlaceOf(const Upstream& upstream);

class ClientConnection;

// What a caller's Exchange stands for: the connection that his request is on now.
struct ClientAttempt {
  Mutex mutex;
  bool cancelled GUARDED_BY(mutex) = false;
  Loop* loop GUARDED_BY(mutex) = nullptr;
  std::weak_ptr<ClientConnection> connection GUARDED_BY(mutex);

  // False: nobody wants it any more.
  bool MoveTo(Loop& where, std::weak_ptr<ClientConnection> what) {
    const MutexLock lock(mutex);
    loop = &where;
    connection = std::move(what);
    return !cancelled;
  }
};
using ClientAttemptPtr = std::shared_ptr<ClientAttempt>;

// One request after the other on one connection; lives in its loop, which keeps it until it is
// closed.
//
//   kConnecting -> kHandshake -> kHead -> kBody -> closed, or kIdle -> kHead
//                                  `-> kRaw (waiting for its Duplex) -> kCarrying -> closed
class ClientConnection final : public LoopListener,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  using Done = std::function<void(Result<Opened>)>;

  ClientConnection(Loop& loop, Upstream upstream, std::optional<ClientRequest> request, Done done,
                   ClientAttemptPtr attempt)
      : loop_(loop),
        upstream_(std::move(upstream)),
        request_(std::move(request)),
        done_(std::move(done)),
        attempt_(std::move(attempt)),
        timer_(loop, *this) {}
  ~ClientConnection() { Close(); }

  // With the numeric addresses to try.
  void Start(Result<std::vector<std::string>> addresses);
  // On a socket that is connected; it is closed if nobody wants it any more.
  void StartOn(Result<int> socket);
  void Carry(std::shared_ptr<Duplex> duplex);
  // False: it is of no use any more, and nothing was sent. `again`, if any, sends the request
  // elsewhere when the server closes the connection without a word.
  bool Reuse(ClientRequest request, Done done, ClientAttemptPtr attempt,
             std::function<void()> again);
  void Cancel(const ClientAttemptPtr& attempt) {
    if (attempt != attempt_) return;  // Another request has the connection by now.
    done_ = nullptr;
    if (state_ < State::kBody) Close();
  }
  void CloseUnlessCarrying() {
    if (state_ != State::kCarrying) Close();
  }

 private:
  enum class State { kConnecting, kHandshake, kHead, kBody, kRaw, kCarrying, kIdle };

  void OnReady(uint32_t events) override;
  void OnWake() override;
  void OnTimer() override;

  void ConnectNext();
  void NotConnected(Error error);
  void OnConnected();
  void StartTls();
  void DoHandshake();
  void SendRequest();
  void OnReadable();
  void OnHeadBytes(std::string_view bytes);
  void OnHead(ResponseHead head);
  void OnBody(std::string_view bytes);
  void OnEof();
  void EndBody(bool in_order, const std::string& fault = "");
  void Park();
  void OnCarrier(Carrier::State state);
  void MakeRaw(Opened opened);
  void GiveUp(Error error);
  void Finish(Result<Opened> result);
  void Close();
  SocketAddress Place() const { return {address_, upstream_.port, upstream_.unix_path}; }
  std::string Where() const { return DescribeAddress(Place()); }
  // Of the channel.
  std::string Fault() const;

  Loop& loop_;
  const Upstream upstream_;
  std::optional<ClientRequest> request_;  // None: a raw connection.
  Done done_;
  ClientAttemptPtr attempt_;
  std::function<void()> again_;  // On a kept connection, until the server has said anything.
  bool keeps_ = false;           // The connection can take another request after this one.
  State state_ = State::kConnecting;
  Timer timer_;
  std::vector<std::string> addresses_;  // Still to be tried, in reverse.
  std::string address_;
  std::optional<Error> first_refusal_;  // While others are tried; it is told, as Go does.
  std::unique_ptr<Channel> channel_;
  std::shared_ptr<Wake> wake_;
  std::string in_;
  size_t head_searched_ = 0;
  size_t early_head_bytes_ = 0;  // Of the heads of 1xx before the one that counts.
  bool bodiless_ = false;
  Framing framing_;
  uint64_t body_left_ = 0;
  ChunkDecoder chunks_;
  std::shared_ptr<Pipe> pipe_;
  std::unique_ptr<Carrier> carrier_;
  bool closed_ = false;
};

}  // namespace skiff::http
