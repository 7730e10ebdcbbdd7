// Questions to an extender over HTTP. Nobody waits in here: who asks is told when there is an
// answer, and comes for it.
//
//   const auto call = client.Begin("filter", question, now, [&] { loop.Wake(); });
//   ...
//   if (auto answer = call->Take(now)) { ... }   // At call->deadline() there is one, if an error.
//
// An answer has a size, by that of its question, and a time; it is not led elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/mutex.h"
#include "client/fetch.h"
#include "client/proxy_route.h"
#include "client/server_url.h"
#include "controllers/scheduler/extenders/extender_options.h"

namespace skiff::scheduler {

// What an answer may have beyond four times the length of its question: an extender that answers
// with nodes sends what it was sent, perhaps with blanks between.
inline constexpr size_t kExtenderAnswerBytesMax = 8 << 20;

// Dropped, it is ended.
class ExtenderCall {
 public:
  struct Question {
    std::string verb, url;
    Duration deadline{};
  };
  ExtenderCall(Question question, FetchPtr fetch)
      : question_(std::move(question)), fetch_(std::move(fetch)) {}
  ~ExtenderCall() { fetch_->Cancel(); }
  ExtenderCall(const ExtenderCall&) = delete;
  ExtenderCall& operator=(const ExtenderCall&) = delete;

  // The body of an answer of 200, once; fails in the words of kube-scheduler and Go's client.
  // nullopt: there is nothing yet.
  std::optional<Result<std::string>> Take(Duration now);
  Duration deadline() const { return question_.deadline; }

 private:
  const Question question_;
  const FetchPtr fetch_;
};

// Thread-safe.
class ExtenderClient {
 public:
  // Fails where the prefix is no URL, or TLS cannot be had by what is said of it. `loops` outlives
  // the client.
  static Result<std::unique_ptr<ExtenderClient>> Make(ExtenderOptions options, http::Loops& loops);

  const ExtenderOptions& options() const { return options_; }
  // `told`: as of Fetch.
  std::unique_ptr<ExtenderCall> Begin(const std::string& verb, std::string question, Duration now,
                                      std::function<void()> told);

 private:
  ExtenderClient(ExtenderOptions options, http::Loops& loops)
      : options_(std::move(options)), loops_(loops) {}
  Result<http::TlsContext> MakeTls(const std::string& certificate_pem,
                                   const std::string& key_pem) const;
  // With the certificate of now.
  http::TlsContext Tls(Duration now);

  const ExtenderOptions options_;
  http::Loops& loops_;
  ServerUrl server_;
  std::shared_ptr<const ProxyRoute> route_;  // Null: there is no proxy between.
  const std::shared_ptr<http::KeptConnections> kept_ = http::MakeKeptConnections();
  const Log log_{"scheduler"};

  Mutex mutex_;
  http::TlsContext tls_ GUARDED_BY(mutex_);  // Null: plain.
  Duration look_again_at_ GUARDED_BY(mutex_){};
  ExtenderOptions::CertificateAndKey known_ GUARDED_BY(mutex_);
};

}  // namespace skiff::scheduler
