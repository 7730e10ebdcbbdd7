// Waits for services of a project, and says what keeps them.
#pragma once

#include <set>
#include <string>

#include "cli/command.h"
#include "cli/compose/convert.h"
#include "cli/session.h"
#include "cli/why/finding.h"

namespace skiff::cli::compose {

// What of the service asks for what the finding says it cannot have: "deploy.placement"; "" where
// nothing does.
std::string KeyBehind(const why::Finding& finding, const Node& service);

class ServiceWait {
 public:
  ServiceWait(Command& command, Session& session, const Project& project, Duration timeout)
      : command_(command), session_(session), project_(project), timeout_(timeout) {}

  // Until the workload is what a condition of `depends_on` asks for, at most for the timeout. Tells
  // how far it is, and what is wrong with it once that takes long; fails with what is in its way.
  Result<> For(const Workload& workload, const Resource& resource, const std::string& condition);

 private:
  Result<bool> IsDone(const Workload& workload, const Resource& resource,
                      const std::string& condition, const Json* live);
  Result<> WithLooks(const Workload& workload, const Resource& resource,
                     const std::string& condition);
  // What keeps it, as `why` has it: a line, and where the file asks for it; "" when nothing is
  // known, it was told already, or may still come by itself and this is not the last look.
  std::string Hindrance(const Workload& workload, bool is_last);
  void Tell(const Workload& workload, const std::string& line);

  Command& command_;
  Session& session_;
  const Project& project_;
  const Duration timeout_;
  Json live_;                      // The workload as the server had it last; null: none.
  std::string shown_;              // How far it is, the last that was told.
  std::set<std::string> told_of_;  // The causes that were.
};

}  // namespace skiff::cli::compose
