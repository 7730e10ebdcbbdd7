// The wire under `exec` and `attach`: a WebSocket of the protocols v5 and v4, or SPDY/3.1 for
// servers and proxies that refuse to upgrade to that.
#pragma once

#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "cli/streams.h"
#include "http/client.h"

namespace skiff::cli {

// The sending half. Any thread.
class RemoteLink {
 public:
  virtual ~RemoteLink() = default;
  // False: no room now, or not ready; offer the same again after the next change.
  virtual bool SendInput(const std::string& bytes) = 0;
  // There is no more input. False as above.
  virtual bool EndInput() = 0;
  // The terminal's size, as {"Width":80,"Height":24}. False as above.
  virtual bool SendSize(const std::string& json) = 0;
};

// What the loop's thread and ours share. The descriptor becomes readable when anything changes.
struct RemoteState {
  Mutex mutex;
  std::shared_ptr<RemoteLink> link GUARDED_BY(mutex);
  std::optional<Error> refused GUARDED_BY(mutex);
  std::optional<http::Opened> answer GUARDED_BY(mutex);  // Of a server that did not upgrade.
  std::string status GUARDED_BY(mutex);                  // What came as the result of the command.
  bool closed GUARDED_BY(mutex) = false;
  bool is_unread GUARDED_BY(mutex) = false;  // Who read the outputs has left.
  int close_code GUARDED_BY(mutex) = 1005;
  const int changed;

  RemoteState();
  ~RemoteState();
  RemoteState(const RemoteState&) = delete;
  RemoteState& operator=(const RemoteState&) = delete;
  void Signal() const;
};

// Where the remote outputs go. Called on a loop's thread.
struct RemoteOutputs {
  std::function<void(std::string_view)> out;
  std::function<void(std::string_view)> err;
};

// Dropping the exchange closes the connection. What happens is told to `state`.
std::unique_ptr<http::Exchange> OpenRemoteWebSocket(http::Loops& loops,
                                                    const ServerAddress& address,
                                                    const RemoteRequest& request,
                                                    std::shared_ptr<RemoteState> state,
                                                    RemoteOutputs outputs);
std::unique_ptr<http::Exchange> OpenRemoteSpdy(http::Loops& loops, const ServerAddress& address,
                                               const RemoteRequest& request,
                                               std::shared_ptr<RemoteState> state,
                                               RemoteOutputs outputs);

// What the body of such an answer says. Waits for it.
Error ReadRefusal(http::Opened answer);

// The request that both begin with.
http::ClientRequest RemoteUpgradeRequest(const ServerAddress& address,
                                         const RemoteRequest& request);

}  // namespace skiff::cli
