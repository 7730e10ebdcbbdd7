// A proxy for tests: HTTP (CONNECT and whole URLs), the same over TLS, or SOCKS5. It really
// forwards, to one server on loopback, whatever host it is asked for.
#pragma once

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http/dial.h"
#include "http/head.h"
#include "http/socket.h"
#include "http/tls.h"

namespace skiff {

class TestProxy {
 public:
  struct Options {
    int server_port = 0;
    bool speaks_socks = false;
    http::TlsContext tls = {};  // Null: plain.
    std::string user = {};      // "name:password"; "": anybody.
    std::string answer = {};    // To all requests, in place of forwarding them.
  };
  explicit TestProxy(Options options)
      : options_(std::move(options)),
        listening_(http::ListenOn({.host = "127.0.0.1"}).value_or(-1)),
        accepting_([this] { Accept(); }) {}
  ~TestProxy() {
    shutdown(listening_, SHUT_RDWR);
    accepting_.join();
    {
      const MutexLock lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    serving_.clear();
    close(listening_);
  }
  TestProxy(const TestProxy&) = delete;
  TestProxy& operator=(const TestProxy&) = delete;

  int port() const { return http::LocalPort(listening_); }
  // "CONNECT api.test:6443", "GET http://api.test/x", "SOCKS api.test:6443" of each connection,
  // with who asked behind it.
  std::vector<std::string> asked() {
    const MutexLock lock(mutex_);
    return asked_;
  }

 private:
  struct End {
    int fd = -1;
    SSL* ssl = nullptr;
    ssize_t Read(char* bytes, size_t count) const {
      return ssl ? SSL_read(ssl, bytes, static_cast<int>(count)) : recv(fd, bytes, count, 0);
    }
    bool Write(std::string_view bytes) const {
      while (!bytes.empty()) {
        const ssize_t sent = ssl ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()))
                                 : send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(sent));
      }
      return true;
    }
    // "" when it ended before.
    std::string Take(size_t count) const {
      std::string bytes(count, '\0');
      for (size_t read = 0; read < count;) {
        const ssize_t got = Read(bytes.data() + read, count - read);
        if (got <= 0) return "";
        read += static_cast<size_t>(got);
      }
      return bytes;
    }
  };

  void Accept() {
    while (true) {
      pollfd ready{.fd = listening_, .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, -1) <= 0) continue;
      const int fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const MutexLock lock(mutex_);
      open_.push_back(fd);
      serving_.emplace_back([this, fd] { Serve(fd); });
    }
  }

  void Serve(int fd) {
    End client{.fd = fd};
    if (options_.tls) {
      client.ssl = SSL_new(options_.tls.get());
      SSL_set_fd(client.ssl, fd);
    }
    if (!client.ssl || SSL_accept(client.ssl) == 1) {
      options_.speaks_socks ? ServeSocks(client) : ServeHttp(client);
    }
    SSL_free(client.ssl);
    const MutexLock lock(mutex_);
    std::erase(open_, fd);
    close(fd);
  }

  void Note(std::string what) {
    const MutexLock lock(mutex_);
    asked_.push_back(std::move(what));
  }

  void ServeHttp(const End& client) {
    std::string head;
    size_t searched = 0;
    while (http::FindHeadEnd(head, searched) == std::string::npos) {
      const std::string byte = client.Take(1);
      if (byte.empty()) return;
      head += byte;
    }
    const std::string line = head.substr(0, head.find(" HTTP/1.1\r\n"));
    const size_t name = head.find("Proxy-Authorization: ");
    const size_t who = name == std::string::npos ? name : name + 21;
    Note(line +
         (who == std::string::npos ? "" : " " + head.substr(who, head.find('\r', who) - who)));
    if (!options_.answer.empty()) return (void)client.Write(options_.answer);
    const bool connects = line.starts_with("CONNECT ");
    if (connects && !client.Write("HTTP/1.1 200 Connection established\r\n\r\n")) return;
    Forward(client, connects ? "" : head);
  }

  void ServeSocks(const End& client) {
    const std::string hello = client.Take(2);
    if (hello.empty()) return;
    const std::string methods = client.Take(static_cast<uint8_t>(hello[1]));
    const char method = options_.user.empty() ? 0 : 2;
    if (methods.find(method) == std::string::npos) return (void)client.Write("\x05\xff");
    if (!client.Write({"\x05" + std::string(1, method)})) return;
    std::string who;
    if (method == 2) {
      const auto text = [&] { return client.Take(static_cast<uint8_t>(client.Take(1)[0])); };
      client.Take(1);
      who = text();
      who += ":" + text();
      const bool known = who == options_.user;
      if (!client.Write(std::string("\x01") + (known ? '\0' : '\x01')) || !known) return;
    }
    const std::string request = client.Take(4);
    if (request.empty()) return;
    const std::string host =
        client.Take(request[3] == 1 ? 4 : static_cast<uint8_t>(client.Take(1)[0]));
    const std::string port = client.Take(2);
    Note("SOCKS " + (request[3] == 1 ? "IPv4" : host) + ":" +
         std::to_string((static_cast<uint8_t>(port[0]) << 8) + static_cast<uint8_t>(port[1])) +
         (who.empty() ? "" : " " + who));
    if (!options_.answer.empty()) return (void)client.Write(options_.answer);
    if (client.Write({"\x05\0\0\x01\0\0\0\0\0\0", 10})) Forward(client, "");
  }

  void Forward(const End& client, const std::string& first) {
    const auto fd = http::DialHost("127.0.0.1", options_.server_port, 5s);
    if (!fd) return;
    const End server{.fd = *fd};
    const std::array<const End*, 2> ends = {&client, &server};
    bool goes_on = server.Write(first);
    while (goes_on) {
      const bool has_bytes = client.ssl && SSL_pending(client.ssl) > 0;
      std::array<pollfd, 2> polled = {{{client.fd, POLLIN, 0}, {server.fd, POLLIN, 0}}};
      if (poll(polled.data(), 2, has_bytes ? 0 : -1) < 0) continue;
      for (size_t i = 0; i < 2 && goes_on; ++i) {
        if (polled[i].revents == 0 && !(i == 0 && has_bytes)) continue;
        std::array<char, 16384> bytes;
        const ssize_t count = ends[i]->Read(bytes.data(), bytes.size());
        goes_on = count > 0 && ends[1 - i]->Write({bytes.data(), static_cast<size_t>(count)});
      }
    }
    close(server.fd);
  }

  const Options options_;
  const int listening_;
  Mutex mutex_;
  std::vector<int> open_ GUARDED_BY(mutex_);
  std::vector<std::string> asked_ GUARDED_BY(mutex_);
  std::vector<std::jthread> serving_;  // Of who accepts, and then of who ends it all.
  std::thread accepting_;
};

}  // namespace skiff
