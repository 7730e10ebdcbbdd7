// Who is asked whether somebody may do something, as --authorization-config or --authorization-mode
// say: one after the other, the first that allows or denies decides, and when none has an opinion
// the answer is no. Members of system:masters are allowed everything before anybody is asked.
//
//   auto authorizers = TRY(Authorizers::Create(options, {clock, loops, metrics, store, rbac}));
//   const Verdict verdict = authorizers->Authorize(user, access);
//   TRY(authorizers->Use(text));                                   // The file has changed.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/authorizer.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/authorization/access_webhook.h"
#include "apiserver/authorization/attribute_policies.h"
#include "apiserver/authorization/authorization_configuration.h"
#include "apiserver/storage/store.h"
#include "apiserver/webhooks/outbound_pool.h"
#include "base/mutex.h"

namespace skiff {

struct AuthorizationOptions {
  AuthorizationConfiguration configuration = {};  // Prepared.
  std::string file_text = {};  // Of --authorization-config; "": there is none, and no reload.
  std::vector<AttributePolicy> policies = {};  // Of mode ABAC.
};

// Thread-safe.
class Authorizers final : public Authorizer {
 public:
  struct Parts {  // All outlive it.
    const Clock& clock;
    http::Loops* loops;  // nullptr: nobody can be reached.
    MetricRegistry& metrics;
    Store& store;
    RbacAuthorizer& rbac;
  };
  static Result<std::unique_ptr<Authorizers>> Create(AuthorizationOptions options, Parts parts);
  ~Authorizers() override { Stop(); }

  Verdict Authorize(const User& user, const Access& access) override;
  void TellRules(const User& user, const std::string& namespace_name, const VisitRule& visit,
                 RulesTold& told) override;
  // Whether it is allowed, or nobody can tell before others have been asked. Counts no decision: it
  // is asked for again.
  bool MayAllow(const User& user, const Access& access);
  // Whom somebody may have to wait for; none: all is known here.
  OutboundPool::Names Names() const;
  // The file says so from now on. Fails, and changes nothing, where it cannot be taken; that is
  // counted once for one text.
  Result<> Use(const std::string& text);
  // Ends the wait for every answer, and asks no more. Any thread.
  void Stop();

 private:
  struct Link {
    std::string type, name;
    std::shared_ptr<Authorizer> authorizer;
  };
  // Never changes. What webhooks said is remembered by it, and so forgotten with it.
  struct Chain {
    AuthorizationConfiguration configuration;
    std::string text;  // Of the file.
    std::vector<Link> links;
    std::vector<std::shared_ptr<AccessWebhook>> webhooks;
    OutboundPool::Names names;
  };
  using ChainPtr = std::shared_ptr<const Chain>;
  Authorizers(AuthorizationOptions options, Parts parts);
  Result<ChainPtr> MakeChain(AuthorizationConfiguration configuration, std::string text);
  Result<std::shared_ptr<Authorizer>> Make(const AuthorizerConfiguration& each, Chain& chain);
  ChainPtr Now() const;
  // Counted by `counter`, unless that is null.
  Verdict Decide(const User& user, const Access& access, CounterFamily* counter);
  Result<> Take(const std::string& text);
  void TellReload(bool succeeded);
  void AddMetrics();

  const Parts parts_;
  OutboundCalls calls_;
  AuthorizerMetrics metrics_;
  std::map<std::string, std::shared_ptr<Authorizer>> lasting_;  // By type, as files change.
  std::vector<std::string> required_;                           // Types of the first file.
  // What every request asks takes no mutex where there is nothing that could change.
  ChainPtr fixed_;                         // Where there is no file. Set once.
  std::atomic<bool> asks_others_ = false;  // Of the chain of now: whether it has webhooks.
  mutable Mutex mutex_;
  ChainPtr chain_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::string read_text_ GUARDED_BY(mutex_);         // The last, taken or not.
  std::optional<Error> refused_ GUARDED_BY(mutex_);  // Why that was not taken.
  struct Reloads {
    double count = 0;
    std::optional<TimePoint> last;
  };
  std::map<std::string, Reloads> reloads_ GUARDED_BY(mutex_);  // By status.
};

}  // namespace skiff
