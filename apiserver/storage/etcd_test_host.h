// For tests and benchmarks: a real etcd of one member on loopback, with a data directory of its
// own.
#pragma once

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "apiserver/storage/etcd_store.h"
#include "base/test_port.h"

namespace skiff {

class EtcdHost {
 public:
  struct Options {
    std::vector<std::string> tls_flags = {};  // etcd's flags that make it speak TLS.
    std::string folder = "/dev/shm";          // Where its data lies; memory by default.
  };

  EtcdHost() : EtcdHost(Options{}) {}
  // Debian's package etcd-server must be there: CHECKed when etcd is ended, at the latest.
  explicit EtcdHost(const Options& options) : tls_flags_(options.tls_flags) {
    std::string name = options.folder + "/skiff-etcd-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    client_port_ = FreePort();
    peer_port_ = FreePort();
    Start();
  }
  ~EtcdHost() {
    if (process_ != 0) End(SIGKILL);
    std::filesystem::remove_all(folder_);
  }
  EtcdHost(const EtcdHost&) = delete;
  EtcdHost& operator=(const EtcdHost&) = delete;

  int port() const { return client_port_; }
  std::string Url() const { return UrlAt(client_port_); }
  EtcdClientOptions Client() const { return {.servers = {Url()}}; }
  const std::string& folder() const { return folder_; }

  // On the same data. Serving soon after.
  void Start() { StartAt(client_port_); }
  void StartAt(int port) {
    const std::string url = UrlAt(port);
    const std::string peer = fmt::format("http://127.0.0.1:{}", peer_port_);
    std::vector<std::string> arguments = {// Ends with us, however we end.
                                          "setpriv",
                                          "--pdeathsig",
                                          "KILL",
                                          "etcd",
                                          "--name=test",
                                          "--data-dir=" + folder_ + "/data",
                                          "--listen-client-urls=" + url,
                                          "--advertise-client-urls=" + url,
                                          "--listen-peer-urls=" + peer,
                                          "--initial-advertise-peer-urls=" + peer,
                                          "--initial-cluster=test=" + peer,
                                          "--heartbeat-interval=20",
                                          "--election-timeout=200",
                                          "--log-level=error",
                                          "--logger=zap",
                                          "--log-outputs=" + folder_ + "/log"};
    arguments.insert(arguments.end(), tls_flags_.begin(), tls_flags_.end());
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    CHECK(posix_spawnp(&process_, "setpriv", nullptr, nullptr, pointers.data(), environ) == 0);
  }
  // As a crash, or a power failure of that machine alone.
  void Kill() { End(SIGKILL); }
  std::string UrlAt(int port) const {
    return fmt::format("{}://127.0.0.1:{}", tls_flags_.empty() ? "http" : "https", port);
  }

 private:
  void End(int signal) {
    kill(process_, signal);
    int status = 0;
    CHECK(waitpid(process_, &status, 0) == process_);
    // setpriv found no etcd.
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 127);
    process_ = 0;
  }

  const std::vector<std::string> tls_flags_;
  std::string folder_;
  int client_port_ = 0;
  int peer_port_ = 0;
  pid_t process_ = 0;
};

// A store that must open.
inline std::unique_ptr<EtcdStore> OpenEtcdStore(EtcdStore::Options options, const Clock& clock) {
  options.initialization_timeout = 20s;
  auto opened = EtcdStore::Open(std::move(options), clock);
  CHECK(opened.has_value());
  return *std::move(opened);
}

}  // namespace skiff
