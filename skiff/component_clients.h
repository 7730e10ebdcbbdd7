// How the parts of a program that is a process of its own reach the API server: each at a rate of
// its own, as each client of Kubernetes' programs has one, and controllers as service accounts of
// their own where that is asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "client/account_transport.h"
#include "client/client.h"
#include "client/counting_transport.h"
#include "client/rate_limit.h"
#include "client/transport.h"

namespace skiff {

// Not thread-safe but for Close; what it gives is, and lives as long as this.
class ComponentClients {
 public:
  struct Dependencies {
    MetricRegistry& metrics;  // Counts all requests.
    const Clock& clock;
  };
  struct Options {
    std::string name;           // Of the program.
    RateLimit limit;            // Has passed CheckRateLimit.
    bool has_accounts = false;  // OfAccount is called.
    // How long OfElection waits for an answer. Who leads has to know in time that it gets none.
    Duration election_timeout = 5s;
  };
  // Fails as MakeHttpsTransport does.
  static Result<std::unique_ptr<ComponentClients>> Make(const HttpsOptions& server,
                                                        const Options& options,
                                                        Dependencies dependencies);

  // At no rate: for what answers depend on that somebody waits for.
  Transport& Unlimited() { return *own_; }
  // One more, at the program's rate.
  Transport& Limited();
  // Of the informers. Theirs list and watch, where client-go's do both by one request: they have
  // twice as many.
  Transport& OfInformers();
  // Of a controller by its name in --controllers, as the program itself.
  Transport& OfController(const std::string& controller);
  // The same as kube-system/`account`, which is made when something is sent. Where it may update
  // and not patch, updates are sent.
  Transport& OfAccount(const std::string& controller, const std::string& account);
  // Of what holds or gives back a Lease, to the end of the program. Its connections are its own:
  // it does not wait for one behind others.
  Transport& OfElection();
  // Who waits for his turn is answered, and so is what comes later, but for the election. Any
  // thread.
  void Close();

 private:
  ComponentClients(Options options, Dependencies dependencies)
      : options_(std::move(options)), dependencies_(dependencies) {}
  LimitedTransport& Limit(Transport& below, const RateLimit& limit);
  Transport& LimitUntilClosed(Transport& below, const RateLimit& limit);

  const Options options_;
  const Dependencies dependencies_;
  std::unique_ptr<Transport> own_;  // Of the program.
  std::unique_ptr<Transport> election_;
  std::unique_ptr<Transport> unnamed_;  // Of nobody, for who shows a token; null where none does.
  // What stands on the above, and on what was there before it.
  std::vector<std::unique_ptr<Transport>> layers_;
  std::unique_ptr<Client> accounts_;  // That makes them; null until there are any.
  std::vector<LimitedTransport*> closed_at_end_;
};

}  // namespace skiff
