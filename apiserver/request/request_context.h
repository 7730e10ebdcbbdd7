// One request on its way through the server.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/type.h"
#include "api/values.h"
#include "apiserver/auth/user.h"
#include "apiserver/request/request_info.h"
#include "base/clock.h"
#include "http/message.h"

namespace skiff {

class InitialEvents;
struct LateWrite;
struct Route;
struct Served;
class ToldRequest;

// For how long webhooks of admission were waited for, until they answered or their time was over:
// those that may change the object one after the other, the others all at once.
struct HookTimes {
  Duration changing{};    // Of all together.
  Duration validating{};  // Of the slowest.
  Duration Together() const { return changing + validating; }
};

struct ApiRequest {
  const http::Request& http;
  RequestInfo info;
  User user;
  TimePoint now = {};                      // When it arrived.
  // What was served then; keeps `kind` and `route` alive.
  std::shared_ptr<const Served> served = {};
  std::set<std::string, std::less<>> lacked_groups = {};  // Of which `served` may lack kinds.
  const KindInfo* kind = nullptr;          // Of a resource request whose path is known.
  const Route* route = nullptr;            // The same, where it also has the method.
  std::vector<std::string> warnings = {};  // Texts of Warning headers, in order.
  // Not null: whoever refused the request said so in this metav1.Status, which goes to the client.
  Json refusal = {};
  HookTimes hook_times = {};
  bool own = false;  // The server's own upkeep.
  bool in_process = false;  // From a part of this process, whose own thread waits for the answer.
  bool is_deprecated = false;  // What is asked for, by who may.
  // Who asks may not, or not as whom he says that he is: nothing that answers has seen it.
  bool turned_away = false;
  bool takes_object = false;  // Who asks is shown what was written as the struct that it is.
  // Nobody beyond this server is waited for any longer, however many are asked, and how often.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Not null: a watch says there when it has sent what it begins with.
  std::shared_ptr<InitialEvents> initial_events = {};
  // Not null: its write may be left there (apiserver/objects/late_write.h).
  LateWrite* late = nullptr;
  // Not null: the audit log tells of it.
  ToldRequest* told = nullptr;
  // Until then its answer may take: what its query asks for, or the server's limit.
  std::chrono::steady_clock::time_point answer_deadline =
      std::chrono::steady_clock::time_point::max();
};

}  // namespace skiff
