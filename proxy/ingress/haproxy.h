// A HAProxy of ours: a daemon in its own session, as our containerd is, which goes on when we end
// or crash and is found again by the next start.
//
//   DIRECTORY/current -> config.0 | config.1    what it was started or reloaded with last
//   DIRECTORY/master.sock                       by which it is asked and told
//   DIRECTORY/w.SIGNATURE                       the same of one worker, while the next one starts
//   DIRECTORY/haproxy.pid, haproxy.log          the log has a line a request
//
// Its master starts a worker at each reload, which takes the listening sockets over; the one before
// ends with its connections. A call takes as long as HAProxy does.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "proxy/ingress/haproxy_config.h"
#include "proxy/ingress/haproxy_servers.h"
#include "proxy/ingress/haproxy_workers.h"

namespace skiff::ingress {

class Haproxy {
 public:
  static constexpr Duration kStartTimeout = std::chrono::seconds(30);
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(5);
  // A longer log is moved to haproxy.log.1 when somebody looks.
  static constexpr uint64_t kLogBytesMax = 64 << 20;

  explicit Haproxy(std::string directory) : directory_(std::move(directory)) {}

  // Its master, if it lives.
  std::optional<ProcessId> Process() const;
  // What the newest worker was started with.
  Result<std::string> Signature(const std::function<void()>& meanwhile = {}) const;
  // The haproxy.cfg of that; "" when there is none.
  std::string ConfigText() const;
  // It must not run. NotFound: it is not installed.
  Result<> Start(const HaproxyConfig& config);
  // It must run. Returns when a worker with this configuration serves; after an error the one
  // before still does. Invalid: HAProxy does not take that configuration. On a busy machine that
  // takes seconds: `meanwhile` is called now and then while the configuration is checked, and may
  // make it one that differs in nothing but endpoints; `while_it_starts` after that, when the new
  // worker is about to have those of then. Both may call SyncServers for the worker that serves.
  Result<> Reload(HaproxyConfig& config, const std::function<void()>& meanwhile,
                  const std::function<void()>& while_it_starts);
  // Makes these endpoints the servers of its backends, as far as it knows them; fails where there
  // was something that it does not. Workers that are about to end keep theirs: HAProxy changes
  // nothing in them any more.
  Result<> SyncServers(const std::map<std::string, Backend>& backends) const;
  // The worker that has seen the most reloads.
  Result<std::optional<SeenWorker>> Oldest() const;
  // Ends it, with all connections. True once it is gone.
  bool Stop();
  void BoundLog() const;

 private:
  std::string Path(const char* name) const { return directory_ + "/" + name; }
  Result<> Prepare(const HaproxyConfig& config, const std::function<void()>& meanwhile = {});
  Result<> WaitForSignature(const std::string& signature, const ProcessId& process,
                            const std::function<void()>& meanwhile = {}) const;
  Result<std::string> AskMaster(const std::string& command,
                                const std::function<void()>& meanwhile = {}) const;
  Result<std::string> Ask(const std::string& command) const;
  // An answer to each, in their order.
  Result<std::vector<std::string>> AskAll(const std::vector<std::string>& commands) const;
  void RemoveWorkerSockets(const std::string& but) const;

  const std::string directory_;
  std::string serving_;  // The signature of the worker that serves while the next one starts.
  // The signature of the configuration that it took last: who was killed is back without another
  // check, which reads all certificates once more. A signature leaves servers out, so another list
  // of those is not checked either.
  std::string taken_;
};

}  // namespace skiff::ingress
