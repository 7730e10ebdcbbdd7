// Network namespaces as the hosts of a test, links between them, servers that say who they are and
// clients that ask. Everything goes with the objects: namespaces have no names on the machine.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/process.h"

namespace skiff {

class TestHost {
 public:
  // nullptr where namespaces are not allowed. The loopback is up.
  static std::unique_ptr<TestHost> Make() {
    int file = -1;
    std::thread([&] {
      if (unshare(CLONE_NEWNET) == 0) file = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }).join();
    if (file < 0) return nullptr;
    auto host = std::unique_ptr<TestHost>(new TestHost(file));
    // Addresses are to be used at once, without asking around whether somebody else has them.
    for (const char* links : {"all", "default"}) {
      host->Set(std::string("ipv6/conf/") + links + "/accept_dad", "0");
      host->Set(std::string("ipv6/conf/") + links + "/dad_transmits", "0");
    }
    // Refusals and redirects share a budget of the kernel's: a test may need more than one.
    host->Set("ipv4/conf/all/send_redirects", "0");
    host->Set("ipv4/conf/default/send_redirects", "0");
    host->Set("ipv4/icmp_ratelimit", "0");
    host->Set("ipv6/icmp/ratelimit", "0");
    host->Do("ip link set lo up");
    return host;
  }
  ~TestHost() { close(file_); }
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  // Calls `body` on a thread that is in the namespace, and so are the programs that it starts.
  template <typename Body>
  void Run(Body body) const {
    std::thread([&] {
      ASSERT_EQ(setns(file_, CLONE_NEWNET), 0) << strerror(errno);
      body();
    }).join();
  }
  // Moves the calling thread into the namespace, for good. For threads of others' making.
  void Enter() const { CHECK(setns(file_, CLONE_NEWNET) == 0); }
  // Runs a program there, words parted by spaces; it must succeed. Returns what it printed.
  std::string Do(const std::string& line) const {
    std::istringstream words(line);
    std::vector<std::string> argv;
    for (std::string word; words >> word;) argv.push_back(word);
    std::string printed;
    Run([&] {
      const auto done = RunProcess({.argv = argv});
      ASSERT_TRUE(done) << line << ": " << done.error().message;
      EXPECT_EQ(done->exit_code, 0) << line << ": " << done->err;
      printed = done->out;
    });
    return printed;
  }
  void Set(const std::string& path, const std::string& value) const {
    Run([&] {
      const int file = open(("/proc/sys/net/" + path).c_str(), O_WRONLY | O_CLOEXEC);
      ASSERT_GE(file, 0) << path;
      EXPECT_EQ(write(file, value.data(), value.size()), static_cast<ssize_t>(value.size()));
      close(file);
    });
  }
  // As "ip link ... netns" takes it.
  std::string Path() const {
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file_);
  }

 private:
  explicit TestHost(int file) : file_(file) {}
  const int file_;
};

// A cable: a veth pair with an end in each, both up.
inline void Connect(const TestHost& a, const std::string& a_name, const TestHost& b,
                    const std::string& b_name, int mtu = 1500) {
  const std::string size = " mtu " + std::to_string(mtu) + " ";
  a.Do("ip link add " + a_name + size + "type veth peer name " + b_name + size + "netns " +
       b.Path());
  a.Do("ip link set " + a_name + " up");
  b.Do("ip link set " + b_name + " up");
}

// A pod as CNI's ptp makes it: a cable whose end on the node, `cable`, has the gateway's address.
// All that the pod sends goes there. One gateway and one address per family.
inline void ConnectPod(const TestHost& node, const std::string& cable, const TestHost& pod,
                       const std::vector<std::string>& gateways,
                       const std::vector<std::string>& addresses) {
  Connect(node, cable, pod, "eth0");
  for (size_t i = 0; i < gateways.size(); ++i) {
    const bool is_ipv6 = gateways[i].find(':') != std::string::npos;
    const std::string bits = is_ipv6 ? "/128" : "/32";
    const std::string route = is_ipv6 ? "ip -6 route add " : "ip route add ";
    node.Do("ip address add " + gateways[i] + bits + " dev " + cable);
    node.Do(route + addresses[i] + bits + " dev " + cable);
    pod.Do("ip address add " + addresses[i] + bits + " dev eth0");
    pod.Do(route + gateways[i] + bits + " dev eth0");
    pod.Do(route + "default via " + gateways[i] + " dev eth0");
  }
}

struct TestAddress {
  sockaddr_storage storage = {};
  socklen_t length = 0;
  static TestAddress Of(const std::string& ip, int port) {
    TestAddress address;
    if (ip.find(':') == std::string::npos) {
      auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
      in->sin_family = AF_INET;
      in->sin_port = htons(static_cast<uint16_t>(port));
      inet_pton(AF_INET, ip.c_str(), &in->sin_addr);
      address.length = sizeof *in;
    } else {
      auto* in = reinterpret_cast<sockaddr_in6*>(&address.storage);
      in->sin6_family = AF_INET6;
      in->sin6_port = htons(static_cast<uint16_t>(port));
      inet_pton(AF_INET6, ip.c_str(), &in->sin6_addr);
      address.length = sizeof *in;
    }
    return address;
  }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  std::string Ip() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (storage.ss_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text,
                sizeof text);
    } else {
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text,
                sizeof text);
    }
    return text;
  }
};

// Servers on one thread. To whoever comes they say their name and the address they see him under:
// "pod-a 10.0.0.7".
class TestServers {
 public:
  TestServers() : stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~TestServers() {
    const uint64_t one = 1;
    (void)!write(stop_, &one, sizeof one);
    if (thread_.joinable()) thread_.join();
    for (const Server& server : servers_) close(server.socket);
    close(stop_);
  }
  // Before Start. `protocol` is "tcp" or "udp".
  void Add(const TestHost& host, const std::string& protocol, int port, const std::string& name,
           const std::string& ip = "::") {
    host.Run([&] {
      auto address = TestAddress::Of(ip, port);
      const int type = protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM;
      const int socket =
          ::socket(address.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      const int yes = 1, no = 0;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      if (ip == "::") setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
      ASSERT_EQ(bind(socket, address.get(), address.length), 0) << strerror(errno);
      if (type == SOCK_STREAM) {
        ASSERT_EQ(listen(socket, 64), 0);
      }
      servers_.push_back({socket, type, name});
    });
  }
  void Start() {
    thread_ = std::thread([this] { Serve(); });
  }

 private:
  struct Server {
    int socket;
    int type;
    std::string name;
  };
  static std::string Plain(std::string ip) { return ip.starts_with("::ffff:") ? ip.substr(7) : ip; }
  void Serve() const {
    std::vector<pollfd> files = {{stop_, POLLIN, 0}};
    for (const Server& server : servers_) files.push_back({server.socket, POLLIN, 0});
    while (poll(files.data(), files.size(), -1) >= 0 && files[0].revents == 0) {
      for (size_t i = 0; i < servers_.size(); ++i) {
        if (files[i + 1].revents != 0) Answer(servers_[i]);
      }
    }
  }
  static void Answer(const Server& server) {
    TestAddress peer;
    peer.length = sizeof peer.storage;
    if (server.type == SOCK_DGRAM) {
      char buffer[2048];
      const ssize_t n = recvfrom(server.socket, buffer, sizeof buffer, 0, peer.get(), &peer.length);
      if (n < 0) return;
      const std::string text = server.name + " " + Plain(peer.Ip());
      (void)sendto(server.socket, text.data(), text.size(), 0, peer.get(), peer.length);
      return;
    }
    const int client = accept4(server.socket, peer.get(), &peer.length, SOCK_CLOEXEC);
    if (client < 0) return;
    const std::string text = server.name + " " + Plain(peer.Ip());
    (void)send(client, text.data(), text.size(), MSG_NOSIGNAL);
    close(client);
  }

  const int stop_;
  std::vector<Server> servers_;
  std::thread thread_;
};

// A client's socket on a host; with UDP the same one, and so the same port, for every question.
class TestClient {
 public:
  // How long an answer may take; what is dropped takes this long to be seen. The first refusal over
  // IPv6 may come while connect still has the socket: the second one comes a second later.
  static constexpr int kPatienceMs = 1500;
  TestClient(const TestHost& host, const std::string& protocol, const std::string& ip, int port,
             const std::string& from = "")
      : address_(TestAddress::Of(ip, port)), is_udp_(protocol == "udp") {
    host.Run([&] {
      const int type = is_udp_ ? SOCK_DGRAM : SOCK_STREAM;
      socket_ = ::socket(address_.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (from.empty()) return;
      auto source = TestAddress::Of(from, 0);
      EXPECT_EQ(bind(socket_, source.get(), source.length), 0) << from;
    });
  }
  ~TestClient() { close(socket_); }
  TestClient(const TestClient&) = delete;

  // The server's words, or "refused", "dropped" or "unreachable".
  std::string Ask() {
    if (connect(socket_, address_.get(), address_.length) != 0 && errno != EINPROGRESS) {
      return Trouble(errno);
    }
    if (is_udp_ && send(socket_, "?", 1, 0) != 1) return Trouble(errno);
    std::string said;
    while (true) {
      pollfd file = {socket_, POLLIN, 0};
      if (poll(&file, 1, kPatienceMs) <= 0) return "dropped";
      char buffer[2048];
      const ssize_t n = recv(socket_, buffer, sizeof buffer, 0);
      if (n < 0) return Trouble(errno == EAGAIN ? PendingError() : errno);
      said.append(buffer, static_cast<size_t>(n));
      if (n == 0 || is_udp_) return said;
    }
  }

 private:
  // A refusal that comes while a connection is being made is told by this only.
  int PendingError() const {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
  static std::string Trouble(int error) {
    if (error == ECONNREFUSED) return "refused";
    return error == EHOSTUNREACH || error == ENETUNREACH ? "unreachable" : strerror(error);
  }
  TestAddress address_;
  const bool is_udp_;
  int socket_ = -1;
};

inline std::string Ask(const TestHost& host, const std::string& protocol, const std::string& ip,
                       int port, const std::string& from = "") {
  return TestClient(host, protocol, ip, port, from).Ask();
}

}  // namespace skiff
