// The HTTPS form of Transport: a pool of kept connections for plain requests; a connection and a
// reading thread for each stream.
#include <fmt/format.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "base/mutex.h"
#include "client/transport.h"

namespace skiff {
namespace {

using Connection = httplib::ClientImpl;

constexpr time_t kConnectTimeoutS = 10;
// A stream may be silent for long; TCP keep-alive finds out when the peer is gone.
constexpr time_t kStreamTimeoutS = 24 * 3600;
constexpr int kKeepAliveIdleS = 30;
constexpr int kKeepAliveProbes = 3;
// What a stream's thread reads ahead of its consumer before it waits.
constexpr size_t kStreamBacklogBytesMax = 1u << 20;

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* value) const { Free(value); }
};
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using CertificateStore = std::unique_ptr<X509_STORE, Freer<X509_STORE, X509_STORE_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO, BIO_free_all>>;

Memory Read(const std::string& text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

struct Endpoint {
  bool tls = true;
  std::string host;
  int port = 443;
  std::string path_prefix;
};

Result<Endpoint> ParseServer(const std::string& server) {
  Endpoint endpoint;
  std::string rest;
  if (server.starts_with("https://")) {
    rest = server.substr(8);
  } else if (server.starts_with("http://")) {
    rest = server.substr(7);
    endpoint.tls = false;
    endpoint.port = 80;
  } else {
    rest = server;
  }
  const size_t slash = rest.find('/');
  if (slash != std::string::npos) {
    endpoint.path_prefix = rest.substr(slash);
    while (endpoint.path_prefix.ends_with('/')) endpoint.path_prefix.pop_back();
    rest.resize(slash);
  }
  size_t colon = rest.rfind(':');
  if (rest.starts_with('[')) {
    const size_t bracket = rest.find(']');
    if (bracket == std::string::npos) return Fail(Reason::kInvalid, "bad server URL: " + server);
    endpoint.host = rest.substr(1, bracket - 1);
    colon = rest.find(':', bracket);
  } else {
    endpoint.host = rest.substr(0, colon);
  }
  if (colon != std::string::npos) {
    char* end = nullptr;
    const std::string port = rest.substr(colon + 1);
    endpoint.port = static_cast<int>(std::strtol(port.c_str(), &end, 10));
    if (*end || port.empty() || endpoint.port < 1 || endpoint.port > 65535) {
      return Fail(Reason::kInvalid, "bad port in server URL: " + server);
    }
  }
  if (endpoint.host.empty()) return Fail(Reason::kInvalid, "bad server URL: " + server);
  return endpoint;
}

void KeepAlive(int socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAliveIdleS, sizeof(kKeepAliveIdleS));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepAliveIdleS, sizeof(kKeepAliveIdleS));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kKeepAliveProbes, sizeof(kKeepAliveProbes));
}

http::Response Unreachable(const std::string& server, httplib::Error error) {
  http::Response response;
  response.status = 503;
  response.content_type = "application/json";
  response.body = fmt::format(
      R"({{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"ServiceUnavailable",)"
      R"("code":503,"message":"Unable to connect to the server {}: {}"}})",
      server, httplib::to_string(error));
  return response;
}

http::Response Convert(const httplib::Response& answer) {
  http::Response response;
  response.status = answer.status;
  response.content_type = answer.get_header_value("Content-Type");
  for (const auto& [name, value] : answer.headers) response.headers.emplace(name, value);
  response.body = answer.body;
  return response;
}

// Everything connections are made from.
class Dialer {
 public:
  static Result<std::unique_ptr<Dialer>> Make(const HttpsOptions& options) {
    auto dialer = std::make_unique<Dialer>();
    dialer->endpoint = TRY(ParseServer(options.server));
    dialer->options = options;
    if (!options.certificate_authority.empty()) {
      dialer->store_.reset(X509_STORE_new());
      const Memory pem = Read(options.certificate_authority);
      int count = 0;
      while (const Certificate ca{PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)}) {
        X509_STORE_add_cert(dialer->store_.get(), ca.get());
        ++count;
      }
      if (count == 0) return Fail(Reason::kInvalid, "certificate authority is not PEM");
    }
    if (!options.client_certificate.empty()) {
      dialer->certificate_.reset(
          PEM_read_bio_X509(Read(options.client_certificate).get(), nullptr, nullptr, nullptr));
      dialer->key_.reset(
          PEM_read_bio_PrivateKey(Read(options.client_key).get(), nullptr, nullptr, nullptr));
      if (!dialer->certificate_ || !dialer->key_) {
        return Fail(Reason::kInvalid, "client certificate or key is not PEM");
      }
    }
    return dialer;
  }

  std::unique_ptr<Connection> Dial(time_t read_timeout_s) const {
    std::unique_ptr<Connection> connection;
    const std::string& host =
        options.tls_server_name.empty() ? endpoint.host : options.tls_server_name;
    if (endpoint.tls) {
      auto tls =
          std::make_unique<httplib::SSLClient>(host, endpoint.port, certificate_.get(), key_.get());
      if (store_) {
        X509_STORE_up_ref(store_.get());  // The client takes one over.
        tls->set_ca_cert_store(store_.get());
      }
      tls->enable_server_certificate_verification(!options.insecure_skip_tls_verify);
      connection = std::move(tls);
    } else {
      connection = std::make_unique<Connection>(host, endpoint.port);
    }
    if (!options.tls_server_name.empty()) {
      connection->set_hostname_addr_map({{options.tls_server_name, endpoint.host}});
    }
    connection->set_keep_alive(true);
    connection->set_tcp_nodelay(true);
    connection->set_url_encode(false);
    connection->set_socket_options(KeepAlive);
    connection->set_connection_timeout(kConnectTimeoutS);
    connection->set_read_timeout(read_timeout_s);
    connection->set_write_timeout(read_timeout_s);
    return connection;
  }

  httplib::Request Convert(const http::Request& request) const {
    httplib::Request out;
    out.method = request.method;
    out.path = endpoint.path_prefix + EncodeTarget(request);
    for (const auto& [name, value] : request.headers) out.set_header(name, value);
    out.body = request.body;
    if (const std::string token = Token(); !token.empty()) {
      out.set_header("Authorization", "Bearer " + token);
    } else if (!options.username.empty()) {
      const auto [name, value] =
          httplib::make_basic_authentication_header(options.username, options.password);
      out.set_header(name, value);
    }
    return out;
  }

  Endpoint endpoint;
  HttpsOptions options;

 private:
  std::string Token() const {
    if (options.token_file.empty()) return options.token;
    // Read each time: the kubelet replaces it before it expires.
    std::ifstream file(options.token_file);
    std::string token;
    std::getline(file, token);
    return token.empty() ? options.token : token;
  }

  CertificateStore store_;
  Certificate certificate_;
  PrivateKey key_;
};

// The bytes of an answer as a thread reads them.
class ReadStream final : public http::StreamSource {
 public:
  ReadStream(std::unique_ptr<Connection> connection, httplib::Request request)
      : connection_(std::move(connection)), request_(std::move(request)) {}

  ~ReadStream() override {
    {
      const MutexLock lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    connection_->stop();
  }

  // Waits for the head of the answer. An error's body is read whole.
  http::Response Start(const std::string& server) {
    thread_ = std::jthread([this] { Run(); });
    MutexLock lock(mutex_);
    while (!head_ && !ended_) changed_.wait(lock);
    if (head_ && head_->status == 200) return Convert(*head_);
    while (!ended_) changed_.wait(lock);
    if (!head_) return Unreachable(server, error_);
    http::Response response = Convert(*head_);
    for (const http::SharedBytes& chunk : chunks_) response.body += *chunk;
    return response;
  }

  void Attach(http::Waker waker) override {
    const MutexLock lock(mutex_);
    waker_ = std::move(waker);
  }

  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    const MutexLock lock(mutex_);
    size_t taken = 0;
    while (!chunks_.empty() && taken < bytes_max) {
      taken += chunks_.front()->size();
      out.push_back(std::move(chunks_.front()));
      chunks_.pop_front();
    }
    backlog_ -= taken;
    changed_.notify_all();
    if (!chunks_.empty()) return http::Pulled::kMore;
    return ended_ ? http::Pulled::kEnd : http::Pulled::kIdle;
  }

 private:
  void Run() {
    request_.response_handler = [this](const httplib::Response& response) {
      const MutexLock lock(mutex_);
      head_ = std::make_unique<httplib::Response>(response);
      changed_.notify_all();
      return !stopped_;
    };
    request_.content_receiver = [this](const char* data, size_t size, uint64_t, uint64_t) {
      return Receive({data, size});
    };
    httplib::Response response;
    httplib::Error error = httplib::Error::Success;
    connection_->send(request_, response, error);
    http::Waker waker;
    {
      const MutexLock lock(mutex_);
      ended_ = true;
      error_ = error;
      waker = waker_;
      changed_.notify_all();
    }
    if (waker) waker();
  }

  // False ends the connection.
  bool Receive(std::string_view bytes) {
    http::Waker waker;
    {
      MutexLock lock(mutex_);
      // An error's body is collected by Start, which nobody pulls from.
      const bool bounded = head_ && head_->status == 200;
      while (bounded && !stopped_ && backlog_ >= kStreamBacklogBytesMax) changed_.wait(lock);
      if (stopped_ || backlog_ > 4 * kStreamBacklogBytesMax) return false;
      chunks_.push_back(std::make_shared<const std::string>(bytes));
      backlog_ += bytes.size();
      waker = waker_;
    }
    if (waker) waker();
    return true;
  }

  const std::unique_ptr<Connection> connection_;
  httplib::Request request_;  // Of the thread, once it runs.
  Mutex mutex_;
  CondVar changed_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  httplib::Error error_ GUARDED_BY(mutex_) = httplib::Error::Success;
  std::unique_ptr<httplib::Response> head_ GUARDED_BY(mutex_);
  std::deque<http::SharedBytes> chunks_ GUARDED_BY(mutex_);
  size_t backlog_ GUARDED_BY(mutex_) = 0;
  http::Waker waker_ GUARDED_BY(mutex_);
  std::jthread thread_;  // Last: joined before the rest goes.
};

bool WantsStream(const http::Request& request) {
  const auto is_true = [&](std::string_view name) {
    const auto value = request.Query(name);
    return value && (*value == "true" || *value == "1");
  };
  return is_true("watch") || is_true("follow");
}

class HttpsTransport final : public Transport {
 public:
  explicit HttpsTransport(std::unique_ptr<Dialer> dialer) : dialer_(std::move(dialer)) {}

  http::Response Send(http::Request request) override {
    const std::string& server = dialer_->options.server;
    if (WantsStream(request)) {
      auto stream =
          std::make_unique<ReadStream>(dialer_->Dial(kStreamTimeoutS), dialer_->Convert(request));
      http::Response response = stream->Start(server);
      if (response.status == 200) response.stream = std::move(stream);
      return response;
    }
    std::unique_ptr<Connection> connection = Borrow();
    httplib::Request out = dialer_->Convert(request);
    httplib::Response answer;
    httplib::Error error = httplib::Error::Success;
    bool answered = connection->send(out, answer, error);
    // The server may just have closed a kept connection; asking again does no harm to a GET.
    if (!answered && request.method == "GET" && error == httplib::Error::Read) {
      out = dialer_->Convert(request);
      answered = connection->send(out, answer, error);
    }
    GiveBack(std::move(connection));
    return answered ? Convert(answer) : Unreachable(server, error);
  }

 private:
  std::unique_ptr<Connection> Borrow() {
    MutexLock lock(mutex_);
    while (idle_.empty() && open_ >= dialer_->options.connections_max) changed_.wait(lock);
    if (idle_.empty()) {
      ++open_;
      return dialer_->Dial(dialer_->options.request_timeout_ms / 1000);
    }
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  void GiveBack(std::unique_ptr<Connection> connection) {
    {
      const MutexLock lock(mutex_);
      idle_.push_back(std::move(connection));
    }
    changed_.notify_one();
  }

  const std::unique_ptr<Dialer> dialer_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::unique_ptr<Connection>> idle_ GUARDED_BY(mutex_);
  int open_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

Result<std::unique_ptr<Transport>> MakeHttpsTransport(HttpsOptions options) {
  auto dialer = TRY(Dialer::Make(options));
  return std::make_unique<HttpsTransport>(std::move(dialer));
}

}  // namespace skiff
