// What kube-scheduler's configuration says of an extender: another program that has a say in where
// pods go, asked over HTTP.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff::scheduler {

struct ExtenderOptions {
  std::string url_prefix;  // "https://10.0.0.5:8080/scheduler"; it is the extender's name, too.
  // What is put behind the prefix for each question; "": it is not asked that one.
  std::string filter_verb;
  std::string prioritize_verb;
  std::string preempt_verb;
  std::string bind_verb;
  int64_t weight = 0;  // Of its priorities.
  Duration timeout = 5s;
  // It knows nodes by itself and is told their names alone.
  bool node_cache_capable = false;
  bool ignorable = false;  // Scheduling goes on without it where it cannot answer.
  // It is asked of pods that want one of these; of all where there are none.
  std::set<std::string, std::less<>> managed_resources;
  struct CertificateAndKey {
    std::string certificate_pem;
    std::string key_pem;
  };
  struct Tls {
    bool insecure = false;
    std::string server_name;
    std::string ca_pem;  // "": the system's authorities.
    std::string certificate_pem;
    std::string key_pem;
    // Those two as their files have them by now, where they are files: who renews them there is
    // known by the new ones without a restart. Null: they do not change. Any thread.
    std::function<Result<CertificateAndKey>()> renewed;
  };
  Tls tls;  // Of a prefix that begins with https://.

  bool IsInterestedIn(const core_v1::Pod& pod) const;
};

}  // namespace skiff::scheduler
