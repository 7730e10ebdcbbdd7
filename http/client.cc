#include "http/client.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "http/client_connection.h"
#include "http/kept_connections.h"
#include "http/socket.h"
#include "http/worker_pool.h"

namespace skiff::http {
namespace {

using Done = ClientConnection::Done;

class ExchangeHandle final : public Exchange {
 public:
  explicit ExchangeHandle(ClientAttemptPtr attempt) : attempt_(std::move(attempt)) {}
  ~ExchangeHandle() override {
    const MutexLock lock(attempt_->mutex);
    attempt_->cancelled = true;
    if (attempt_->loop == nullptr || attempt_->connection.expired()) return;
    attempt_->loop->Post([connection = attempt_->connection, attempt = attempt_] {
      if (const auto self = connection.lock()) self->Cancel(attempt);
    });
  }

 private:
  const ClientAttemptPtr attempt_;
};

// What is asked of whom, and who wants to know.
struct Order {
  Upstream upstream;
  std::optional<ClientRequest> request;
  Done done;
  ClientAttemptPtr attempt = std::make_shared<ClientAttempt>();
};
using OrderPtr = std::shared_ptr<const Order>;

// The loop alone holds the connection: its last frame must not be on another thread.
void Dial(Loops& loops, const OrderPtr& order) {
  Loop& loop = loops.Next();
  const Upstream& upstream = order->upstream;
  const std::string host = upstream.host;
  const auto allows = upstream.unix_path.empty() ? upstream.allows : nullptr;
  const bool known = !upstream.unix_path.empty() || IsNumericHost(host);
  auto connection = std::make_shared<ClientConnection>(loop, upstream, order->request, order->done,
                                                       order->attempt);
  const std::weak_ptr<ClientConnection> weak = connection;
  const bool wanted = order->attempt->MoveTo(loop, weak);
  loop.Post([&loop, connection = std::move(connection), wanted, attempt = order->attempt] {
    loop.Keep(connection);
    if (!wanted) connection->Cancel(attempt);
  });
  const auto start_on = [&loop, weak](Result<int> socket) {
    loop.Post([weak, socket = std::move(socket)] {
      if (const auto self = weak.lock()) return self->StartOn(socket);
      if (socket) close(*socket);
    });
  };
  const auto start = [&loop, weak, allows](Result<std::vector<std::string>> addresses) {
    if (addresses && allows && !std::all_of(addresses->begin(), addresses->end(), allows)) {
      addresses = Fail(Reason::kBadRequest, "address not allowed");
    }
    loop.Post([weak, addresses = std::move(addresses)] {
      if (const auto self = weak.lock()) self->Start(addresses);
    });
  };
  if (const auto dial = upstream.dial) {
    const auto job = [start_on, dial, weak] { if (!weak.expired()) start_on(dial()); };
    if (loops.dialers().Submit(job)) return;
    return start(Fail(Reason::kServiceUnavailable, "too many connections are being made"));
  }
  if (known) return start(std::vector<std::string>{host});
  const bool comes = loops.resolvers().Submit([start, host] { start(ResolveHost(host)); });
  if (!comes) start(Fail(Reason::kServiceUnavailable, "too many names are being looked up"));
}

std::unique_ptr<Exchange> StartOn(Loops& loops, Upstream upstream,
                                  std::optional<ClientRequest> request, Done done) {
  if (upstream.dial) upstream.kept = nullptr;
  const OrderPtr order = std::make_shared<const Order>(Order{
      .upstream = std::move(upstream), .request = std::move(request), .done = std::move(done)});
  auto handle = std::make_unique<ExchangeHandle>(order->attempt);
  const auto& pool = order->upstream.kept;
  auto kept = pool && order->request ? pool->Take(PlaceOf(order->upstream)) : std::nullopt;
  if (!kept) {
    Dial(loops, order);
    return handle;
  }
  kept->loop->Post([&loops, order, weak = kept->connection] {
    const auto self = std::static_pointer_cast<ClientConnection>(weak.lock());
    const std::function<void()> dial = [&loops, order] { Dial(loops, order); };
    const auto again = order->request->once ? nullptr : dial;
    if (!self || !self->Reuse(*order->request, order->done, order->attempt, again)) dial();
  });
  return handle;
}

}  // namespace

std::shared_ptr<KeptConnections> MakeKeptConnections() {
  return std::make_shared<KeptConnections>();
}

std::unique_ptr<Exchange> Open(Loops& loops, Upstream upstream, ClientRequest request,
                               std::function<void(Result<Opened>)> done) {
  return StartOn(loops, std::move(upstream), std::move(request), std::move(done));
}

std::unique_ptr<Exchange> Connect(
    Loops& loops, Upstream upstream,
    std::function<void(Result<std::unique_ptr<RawConnection>>)> done) {
  const auto on_open = [done = std::move(done)](Result<Opened> opened) {
    if (!opened) return done(tl::unexpected<Error>(std::move(opened.error())));
    done(std::move(opened->raw));
  };
  return StartOn(loops, std::move(upstream), std::nullopt, on_open);
}

}  // namespace skiff::http
