// The HTTPS form of Transport: a pool of kept connections for plain requests; streams on a loop.
#include <fmt/format.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <future>

#include "api/values.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/pem.h"
#include "client/proxy_route.h"
#include "client/renewable_transport.h"
#include "client/server_url.h"
#include "http/client.h"
#include "http/dial.h"
#include "http/tls_faults.h"

namespace skiff {
namespace {

using Connection = httplib::ClientImpl;

constexpr auto kConnectTimeout = 10s;
constexpr int kKeepAliveIdleS = 30;
constexpr int kKeepAliveProbes = 3;
constexpr char kNoDirectory[] = "/nonexistent";
constexpr char kNoHead[] =
    "net/http: request canceled (Client.Timeout exceeded while awaiting headers)";
// Of the body of a refusal.
constexpr size_t kErrorBytesMax = 1u << 20;

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* value) const { Free(value); }
};
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO, BIO_free_all>>;

Memory Read(const std::string& text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void KeepAlive(int socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAliveIdleS, sizeof(kKeepAliveIdleS));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepAliveIdleS, sizeof(kKeepAliveIdleS));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kKeepAliveProbes, sizeof(kKeepAliveProbes));
}

// Whether the server has ended a connection that nothing is under way on. It says nothing there
// unasked: what can be read is its goodbye.
bool HasEnded(const Connection& connection) {
  pollfd kept{.fd = connection.socket(), .events = POLLIN, .revents = 0};
  return connection.is_socket_open() && poll(&kept, 1, 0) > 0;
}

http::Response Unreachable(const std::string& server, const std::string& error) {
  return NotAsked(fmt::format("Unable to connect to the server {}: {}", server, error));
}

http::Response Convert(const httplib::Response& answer) {
  http::Response response;
  response.status = answer.status;
  response.content_type = answer.get_header_value("Content-Type");
  for (const auto& [name, value] : answer.headers) response.headers.emplace(name, value);
  response.body = answer.body;
  return response;
}

// `authority_fault`: what is to be said where it is about who signed it.
std::string CertificateProblem(long verify_result, const std::string& authority_fault) {
  const std::string now = Time(SystemClock().Now()).Rfc3339();
  switch (verify_result) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format(
          "tls: failed to verify certificate: x509: certificate has expired or is "
          "not yet valid: {}, and the current time here is {}: if that is wrong, set "
          "this machine's clock",
          X509_verify_cert_error_string(verify_result), now);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "tls: failed to verify certificate: " + authority_fault;
    case X509_V_OK:  // The chain is good, the name is not in it.
      return "tls: failed to verify certificate: x509: certificate is not valid for this name";
    default:
      return fmt::format("tls: failed to verify certificate: x509: {}",
                         X509_verify_cert_error_string(verify_result));
  }
}

// httplib tries the addresses that a host has, and does not tell why it could connect to none of
// them: this does it in its place.
struct DialTarget {
  std::function<Result<int>()> dial;
  std::chrono::milliseconds io_timeout{};
};
class Dialled {
 public:
  virtual ~Dialled() = default;
  // Why it was not connected when that was last tried.
  const std::string& dial_problem() const { return dial_problem_; }
  // Why the certificate was not taken that it was shown last. httplib lets go of the connection
  // before anybody can ask.
  const std::string& certificate_fault() const { return certificate_fault_; }
  void KeepCertificateFaultOf(SSL_CTX* context) {
    if (context == nullptr) return;  // No TLS can be had.
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_info_callback(context, [](const SSL* ssl, int where, int) {
      if ((where & SSL_CB_HANDSHAKE_DONE) == 0 || SSL_get_verify_result(ssl) == X509_V_OK) return;
      auto& self = *static_cast<Dialled*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      const auto now = std::chrono::system_clock::to_time_t(SystemClock().Now());
      self.certificate_fault_ = http::CertificateFault(const_cast<SSL*>(ssl), now);
    });
  }

 protected:
  std::string dial_problem_;

 private:
  std::string certificate_fault_;
};

template <typename Base>
class DialledClient final : public Base, public Dialled {
 public:
  template <typename... Args>
  explicit DialledClient(DialTarget target, Args&&... args)
      : Base(std::forward<Args>(args)...), target_(std::move(target)) {}

 private:
  bool create_and_connect_socket(typename Base::Socket& connected, httplib::Error& error) override {
    const auto fd = Base::is_valid() ? target_.dial()
                                     : Result<int>(Fail(Reason::kInvalid, "no TLS can be had"));
    if (!fd) {
      dial_problem_ = fd.error().message;
      error = httplib::Error::Connection;
      return false;
    }
    KeepAlive(*fd);
    const timeval limit{.tv_sec = target_.io_timeout / 1s,
                        .tv_usec = std::chrono::microseconds(target_.io_timeout % 1s).count()};
    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    connected.sock = *fd;
    return true;
  }
  const DialTarget target_;
};

// Everything connections are made from.
class Dialer {
 public:
  static Result<std::unique_ptr<Dialer>> Make(const HttpsOptions& options) {
    auto dialer = std::make_unique<Dialer>();
    dialer->endpoint = TRY(ParseServerUrl(options.server));
    dialer->options = options;
    dialer->route = TRY(ProxyRoute::To(options, dialer->endpoint));
    if (!options.certificate_authority.empty()) {
      const Memory pem = Read(options.certificate_authority);
      while (Certificate ca{PEM_read_bio_X509(pem.get(), nullptr, &NoPassPhrase, nullptr)}) {
        dialer->authorities_.push_back(std::move(ca));
      }
      if (dialer->authorities_.empty()) {
        return Fail(Reason::kInvalid, "certificate authority is not PEM");
      }
    }
    if (!options.client_certificate.empty()) {
      const Memory certificate = Read(options.client_certificate), key = Read(options.client_key);
      dialer->certificate_.reset(
          PEM_read_bio_X509(certificate.get(), nullptr, &NoPassPhrase, nullptr));
      dialer->key_.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, &NoPassPhrase, nullptr));
      if (!dialer->certificate_ || !dialer->key_) {
        return Fail(Reason::kInvalid, "client certificate or key is not PEM");
      }
    }
    return dialer;
  }

  std::unique_ptr<Connection> Dial() const {
    std::unique_ptr<Connection> connection;
    const auto timeout = request_timeout();
    const auto patience = std::min<std::chrono::milliseconds>(timeout, kConnectTimeout);
    const DialTarget target{[this, patience] {
                              return route ? route->Connect(patience)
                                           : http::DialHost(endpoint.host, endpoint.port, patience);
                            },
                            timeout};
    const std::string& host =
        options.tls_server_name.empty() ? endpoint.host : options.tls_server_name;
    if (endpoint.tls) {
      auto tls = std::make_unique<DialledClient<httplib::SSLClient>>(
          target, host, endpoint.port, certificate_.get(), key_.get());
      if (!authorities_.empty()) TrustOnlyOurs(*tls);
      tls->enable_server_certificate_verification(!options.insecure_skip_tls_verify);
      if (!options.insecure_skip_tls_verify) tls->KeepCertificateFaultOf(tls->ssl_context());
      connection = std::move(tls);
    } else {
      connection = std::make_unique<DialledClient<Connection>>(target, host, endpoint.port);
    }
    connection->set_keep_alive(true);
    connection->set_url_encode(false);
    connection->set_connection_timeout(patience);  // Of the TLS handshake.
    connection->set_read_timeout(timeout);
    connection->set_write_timeout(timeout);
    return connection;
  }

  httplib::Request Convert(const http::Request& request) const {
    httplib::Request out;
    out.method = request.method;
    out.path = endpoint.path_prefix + EncodeTarget(request);
    for (const auto& [name, value] : request.headers) out.set_header(name, value);
    if (route && route->AsksProxy()) {
      out.path = route->Target(out.path);
      for (const auto& [name, value] : route->ProxyHeaders()) out.set_header(name, value);
    }
    if (!request.headers.contains("Impersonate-User")) {
      for (const auto& [name, value] : options.impersonation) out.set_header(name, value);
    }
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

  std::chrono::milliseconds request_timeout() const {
    return std::chrono::milliseconds(options.request_timeout_ms);
  }

  // Why `connection` could not be had or used for so long, in Go's words where a certificate or the
  // time is the reason: people search for those.
  std::string Problem(const Connection& connection, httplib::Error error,
                      std::chrono::nanoseconds after) const {
    const bool is_refusal = error == httplib::Error::SSLServerVerification;
    if (!is_refusal && after >= request_timeout()) {
      return error == httplib::Error::Read ? kNoHead
                                           : "net/http: request canceled while waiting for "
                                             "connection (Client.Timeout exceeded "
                                             "while awaiting headers)";
    }
    if (error == httplib::Error::Connection) {
      return dynamic_cast<const Dialled&>(connection).dial_problem();
    }
    const auto* tls = dynamic_cast<const httplib::SSLClient*>(&connection);
    if (tls == nullptr || !is_refusal) return httplib::to_string(error);
    return CertificateProblem(tls->get_openssl_verify_result(),
                              dynamic_cast<const Dialled&>(connection).certificate_fault());
  }

  ServerUrl endpoint;
  HttpsOptions options;
  std::shared_ptr<const ProxyRoute> route;  // Null: there is no proxy between.

 private:
  // httplib adds the system's authorities to whatever store it has, unless it is told of another
  // place. It does so while it connects, without a lock: each connection needs a store of its own.
  void TrustOnlyOurs(httplib::SSLClient& client) const {
    X509_STORE* store = X509_STORE_new();
    for (const Certificate& authority : authorities_) X509_STORE_add_cert(store, authority.get());
    client.set_ca_cert_store(store);  // Takes it over.
    client.set_ca_cert_path("", kNoDirectory);
  }

  std::string Token() const {
    if (options.token_file.empty()) return options.token;
    // Read each time: the kubelet replaces it before it expires.
    std::ifstream file(options.token_file);
    std::string token;
    std::getline(file, token);
    return token.empty() ? options.token : token;
  }

  std::vector<Certificate> authorities_;  // Empty: the system's.
  Certificate certificate_;
  PrivateKey key_;
};

// Waits for the answer to a request that is under way on a loop.
Result<http::Opened> Await(http::Loops& loops, const http::Upstream& upstream,
                           http::ClientRequest request) {
  auto answer = std::make_shared<std::promise<Result<http::Opened>>>();
  auto arrived = answer->get_future();
  const auto exchange =
      http::Open(loops, upstream, std::move(request),
                 [answer](Result<http::Opened> opened) { answer->set_value(std::move(opened)); });
  return arrived.get();
}

// The rest of a body; it is an error's, and short: what has come of it after that time.
std::string ReadAll(http::StreamSource& source, std::chrono::milliseconds time) {
  struct Signal {
    Mutex mutex;
    CondVar changed;
    bool woken = false;
  };
  const auto signal = std::make_shared<Signal>();
  source.Attach([signal] {
    const MutexLock lock(signal->mutex);
    signal->woken = true;
    signal->changed.notify_all();
  });
  const auto until = std::chrono::steady_clock::now() + time;
  std::string text;
  while (text.size() < kErrorBytesMax) {
    std::vector<http::SharedBytes> chunks;
    const http::Pulled pulled = source.Pull(kErrorBytesMax, chunks);
    for (const http::SharedBytes& chunk : chunks) text += *chunk;
    if (pulled == http::Pulled::kMore) continue;
    if (pulled != http::Pulled::kIdle) break;
    MutexLock lock(signal->mutex);
    const auto is_woken = [&signal] { return signal->woken; };
    const auto left = until - std::chrono::steady_clock::now();
    if (!signal->changed.wait_for(lock, left, is_woken)) break;
    signal->woken = false;
  }
  return text;
}

bool WantsStream(const http::Request& request) {
  const auto is_true = [&](std::string_view name) {
    const auto value = request.Query(name);
    return value && (*value == "true" || *value == "1");
  };
  return request.wants_stream || is_true("watch") || is_true("follow");
}

// What connections are made from at a time. Immutable; those that came of it may outlive it.
struct Identity {
  std::unique_ptr<Dialer> dialer;
  http::TlsContext tls;  // Of streams.
  Credentials given;     // By the options' source, and in the dialer.
};

Result<std::shared_ptr<const Identity>> MakeIdentity(const HttpsOptions& options,
                                                     Credentials given = {}) {
  auto identity = std::make_shared<Identity>();
  identity->given = std::move(given);
  identity->dialer = TRY(Dialer::Make(options));
  if (identity->dialer->endpoint.tls) {
    identity->tls = TRY(http::MakeClientContext({.ca_pem = options.certificate_authority,
                                                 .insecure = options.insecure_skip_tls_verify,
                                                 .server_name = options.tls_server_name,
                                                 .certificate_pem = options.client_certificate,
                                                 .key_pem = options.client_key}));
  }
  return identity;
}

class HttpsTransport final : public RenewableTransport {
 public:
  explicit HttpsTransport(std::shared_ptr<const Identity> identity)
      : identity_(std::move(identity)) {}

  http::Response Send(http::Request request) override {
    if (const auto known = KnowWhoAsks(); !known) {
      return Unreachable(Current()->dialer->options.server, known.error().message);
    }
    if (WantsStream(request)) return OpenStream(request);
    Borrowed borrowed = Borrow();
    const Dialer& dialer = *borrowed.identity->dialer;
    Connection& connection = *borrowed.connection;
    if (HasEnded(connection)) connection.stop();
    const bool is_kept = connection.is_socket_open();
    httplib::Request out = dialer.Convert(request);
    httplib::Response answer;
    httplib::Error error = httplib::Error::Success;
    const auto now = [] { return std::chrono::steady_clock::now(); };
    auto begun = now();
    bool answered = connection.send(out, answer, error);
    // The server may just have ended a kept connection. What it was not sent whole it has not done,
    // and doing it again does no harm to a GET.
    const bool does_no_harm = error == httplib::Error::Write ||
                              (error == httplib::Error::Read && request.method == "GET");
    const bool in_time = now() - begun < dialer.request_timeout();
    if (!answered && is_kept && does_no_harm && in_time) {
      out = dialer.Convert(request);
      begun = now();
      answered = connection.send(out, answer, error);
    }
    const std::string problem = answered ? "" : dialer.Problem(connection, error, now() - begun);
    const auto identity = borrowed.identity;
    GiveBack(std::move(borrowed));
    if (!answered) return Unreachable(dialer.options.server, problem);
    TellSource(*identity, answer.status);
    return Convert(answer);
  }

  Result<> Renew(const std::string& certificate_pem, const std::string& key_pem) override {
    HttpsOptions options = Current()->dialer->options;
    options.client_certificate = certificate_pem;
    options.client_key = key_pem;
    Become(TRY(MakeIdentity(options)));
    return {};
  }

 private:
  struct Borrowed {
    std::shared_ptr<const Identity> identity;  // Of the connection.
    std::unique_ptr<Connection> connection;
  };

  void Become(std::shared_ptr<const Identity> identity) {
    std::vector<std::unique_ptr<Connection>> old;
    {
      const MutexLock lock(mutex_);
      identity_ = std::move(identity);
      old.swap(idle_);
      open_ -= static_cast<int>(old.size());
    }
    changed_.notify_all();
  }

  // What the source of credentials gives now.
  Result<> KnowWhoAsks() {
    const auto identity = Current();
    const auto& source = identity->dialer->options.credentials;
    if (!source) return {};
    auto given = source->Get();
    if (!given) {
      return Fail(given.error().reason, "getting credentials: " + given.error().message);
    }
    if (*given == identity->given) return {};
    HttpsOptions options = identity->dialer->options;
    options.token = given->token;
    options.client_certificate = given->certificate_pem;
    options.client_key = given->key_pem;
    Become(TRY(MakeIdentity(options, *std::move(given))));
    return {};
  }

  // The next request has others then.
  static void TellSource(const Identity& identity, int status) {
    const auto& source = identity.dialer->options.credentials;
    if (status == 401 && source) source->Refused(identity.given);
  }

  std::shared_ptr<const Identity> Current() {
    const MutexLock lock(mutex_);
    return identity_;
  }

  http::Response OpenStream(const http::Request& request) {
    const auto identity = Current();
    const Dialer& dialer = *identity->dialer;
    const httplib::Request converted = dialer.Convert(request);
    http::Upstream upstream;
    upstream.host = dialer.endpoint.host;
    upstream.port = dialer.endpoint.port;
    upstream.tls = dialer.endpoint.tls ? identity->tls : nullptr;
    upstream.server_name = dialer.options.tls_server_name;
    upstream.head_timeout = dialer.request_timeout();
    if (dialer.route) {
      upstream.dial = [route = dialer.route] { return route->Connect(kConnectTimeout); };
    }
    http::ClientRequest out;
    out.method = converted.method;
    out.target = converted.path;
    for (const auto& [name, value] : converted.headers) out.headers.emplace(name, value);
    if (dialer.route && dialer.route->AsksProxy()) {
      out.headers.emplace("Host", dialer.endpoint.authority);
    }
    out.body = converted.body;
    auto opened = Await(loops_, upstream, std::move(out));
    // As of a plain request: people search for these words.
    if (!opened && opened.error().message == "timeout awaiting response headers") {
      return Unreachable(dialer.options.server, kNoHead);
    }
    if (!opened) return Unreachable(dialer.options.server, opened.error().message);
    TellSource(*identity, opened->status);
    http::Response response;
    response.status = opened->status;
    response.headers = std::move(opened->headers);
    response.content_type = response.Header("Content-Type");
    // Who asks for a watch takes a 200 alone for one.
    const bool is_good = response.status >= 200 && response.status <= 299;
    if (response.status == 200 || (is_good && request.wants_stream)) {
      response.stream = std::move(opened->body);
    } else if (opened->body) {
      response.body = ReadAll(*opened->body, dialer.request_timeout());
    }
    return response;
  }

  Borrowed Borrow() {
    MutexLock lock(mutex_);
    while (idle_.empty() && open_ >= identity_->dialer->options.connections_max) {
      changed_.wait(lock);
    }
    if (idle_.empty()) {
      ++open_;
      const Dialer& dialer = *identity_->dialer;
      return {identity_, dialer.Dial()};
    }
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return {identity_, std::move(connection)};
  }

  // Connections of an earlier identity are not kept.
  void GiveBack(Borrowed borrowed) {
    {
      const MutexLock lock(mutex_);
      if (borrowed.identity == identity_) {
        idle_.push_back(std::move(borrowed.connection));
      } else {
        --open_;
      }
    }
    changed_.notify_one();
  }

  http::Loops loops_{1};  // Of the streams.
  Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<const Identity> identity_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Connection>> idle_ GUARDED_BY(mutex_);  // Of `identity_`.
  int open_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

Result<std::unique_ptr<RenewableTransport>> MakeRenewableTransport(HttpsOptions options) {
  auto identity = TRY(MakeIdentity(options));
  return std::make_unique<HttpsTransport>(std::move(identity));
}

Result<std::unique_ptr<Transport>> MakeHttpsTransport(HttpsOptions options) {
  return TRY(MakeRenewableTransport(std::move(options)));
}

}  // namespace skiff
