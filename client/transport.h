// How a request reaches the API server: inside this process, or over HTTPS. The HTTPS form
// (https_transport.cc) holds the program's only httplib::Client.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "http/late.h"
#include "http/message.h"

namespace skiff {

struct ProxyEnvironment;

// Thread-safe; many requests at once.
class Transport {
 public:
  virtual ~Transport() = default;
  // `request` has method, path, query, headers and body. The answer to a request for a stream (a
  // watch, a followed log) has a `stream` to pull from; it may outlive nothing of the transport.
  // A server that cannot be reached is an answer too: 503 with a Status body.
  virtual http::Response Send(http::Request request) = 0;
  // The same for who does not wait (client/mailbox.h): `then` is told once, on any thread, perhaps
  // before the return, and takes no time. What it is told makes the answer: to be called at most
  // once, by a thread that may wait, while the transport is there.
  using MakeAnswer = http::LateReply::Make;
  using Then = std::function<void(MakeAnswer make)>;
  virtual void SendLater(http::Request request, Then then);
  // Whether SendLater returns before what is sent is done. Else it takes a thread each, as Send.
  virtual bool SendsLater() const { return false; }
  // Whether objects go as they are (http::Request::handed); else all that is sent is text.
  virtual bool TakesObjects() const { return false; }
};

// Calls the server on the caller's thread; waits when the answer is still pending. Where the server
// leaves writes to the store (decision 0074), SendLater returns before these are done.
//   InProcessTransport transport([&](const http::Request& request) {
//     return server.Handle(request, user);
//   }, InProcessTransport::Bodies::kObjects);
class InProcessTransport final : public Transport {
 public:
  using Handle = std::function<http::Response(const http::Request& request)>;
  // As http::LateHandler. Null: there is nothing that is done later.
  using HandleLater = std::function<std::optional<http::Response>(const http::Request& request,
                                                                  const http::LateReplyPtr& reply)>;
  // What the handler can read.
  enum class Bodies : uint8_t { kText, kObjects };
  explicit InProcessTransport(Handle handle, Bodies bodies = Bodies::kText,
                              HandleLater handle_later = nullptr)
      : handle_(std::move(handle)), handle_later_(std::move(handle_later)), bodies_(bodies) {}
  http::Response Send(http::Request request) override;
  void SendLater(http::Request request, Then then) override;
  bool SendsLater() const override { return handle_later_ != nullptr; }
  bool TakesObjects() const override { return bodies_ == Bodies::kObjects; }

 private:
  const Handle handle_;
  const HandleLater handle_later_;
  const Bodies bodies_;
};

// What a request says of who sends it.
struct Credentials {
  std::string token;
  std::string certificate_pem;
  std::string key_pem;
  bool operator==(const Credentials&) const = default;
};

// Where credentials come from that are not known beforehand. Thread-safe; may take its time.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // What holds now.
  virtual Result<Credentials> Get() = 0;
  // A server did not take these: they are not given again.
  virtual void Refused(const Credentials& credentials) = 0;
};

// Where the server is and who asks. PEM texts, not paths.
struct HttpsOptions {
  std::string server;                 // "https://10.0.0.1:6443", with an optional path prefix
  std::string certificate_authority;  // "": the system's
  std::string tls_server_name;        // "": the host of `server`
  bool insecure_skip_tls_verify = false;
  std::string proxy_url;  // client/forward_proxy.h; "": that of `proxies`, if any
  // Null: those of this process' environment.
  std::shared_ptr<const ProxyEnvironment> proxies;
  std::string client_certificate;
  std::string client_key;
  std::string token;
  // Read again when it changes, as bound service account tokens do. Wins over `token`.
  std::string token_file;
  std::string username;
  std::string password;
  // Asked before each request; null where all is said above.
  std::shared_ptr<CredentialSource> credentials;
  // Headers of all requests that do not say themselves whom they are sent as.
  http::Headers impersonation;
  int connections_max = 16;        // More requests at once wait for a connection.
  int request_timeout_ms = 60000;  // Of plain requests; streams have none.
};

// Keeps connections alive and reuses them. Streams have a connection of their own, on a loop that
// all of them share. Fails when a certificate or the URL cannot be read.
Result<std::unique_ptr<Transport>> MakeHttpsTransport(HttpsOptions options);

// What a transport answers in place of a server that it could not ask: 503 with a Status body.
http::Response NotAsked(const std::string& message);

// "path?query", percent-encoded.
std::string EncodeTarget(const http::Request& request);

}  // namespace skiff
