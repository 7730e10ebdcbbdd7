#include "apiserver/aggregation/availability_loop.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/typed.h"
#include "api/gen/apiregistration_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "apiserver/aggregation/identity.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/request/api_errors.h"
#include "base/hash.h"

namespace skiff {
namespace {

using apiregistration_v1::APIService;

constexpr int kQuestionsAtOnce = 5;
constexpr Duration kQuestionTime = 5s;  // For one.
constexpr Duration kAllQuestionsTime = 6s;
// Of a question whose time is over, in the words of Go's clients.
constexpr std::string_view kTooLate =
    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
// Between two looks because something happened: slices of endpoints change all the time.
constexpr Duration kLookPause = 100ms;

// What the object says; nullopt: nothing.
std::optional<Availability> SaidIn(const APIService& object) {
  for (const auto& each : object.status.conditions) {
    if (each.type != kAvailableCondition) continue;
    return Availability{each.status, each.reason, each.message};
  }
  return std::nullopt;
}

void SetCondition(APIService& object, const Availability& availability, TimePoint now) {
  auto& conditions = object.status.conditions;
  auto found = std::find_if(conditions.begin(), conditions.end(),
                            [](const auto& each) { return each.type == kAvailableCondition; });
  if (found == conditions.end()) {
    found = conditions.insert(conditions.end(), apiregistration_v1::APIServiceCondition());
    found->type = kAvailableCondition;
  }
  if (found->status != availability.status) {
    found->last_transition_time = Time(std::chrono::time_point_cast<std::chrono::seconds>(now));
  }
  found->status = availability.status;
  found->reason = availability.reason;
  found->message = availability.message;
}

}  // namespace

AvailabilityLoop::AvailabilityLoop(Parts parts)
    : parts_(std::move(parts)),
      api_services_(BellOf<APIService>(parts_.store, *this)),
      services_(BellOf<core_v1::Service>(parts_.store, *this)),
      slices_(BellOf<discovery_v1::EndpointSlice>(parts_.store, *this)),
      became_unavailable_(parts_.metrics.AddCounter(
          {"aggregator_unavailable_apiservice_total",
           "[ALPHA] How often APIServices became unavailable, by name and reason.",
           {"name", "reason"}})) {
  parts_.metrics.AddMeasured(
      {"aggregator_unavailable_apiservice", "[ALPHA] APIServices that are unavailable, by name.",
       {"name"}},
      [gauges = gauges_] {
        std::vector<Sample> samples;
        const MutexLock lock(gauges->mutex);
        for (const auto& [name, available] : gauges->available) {
          samples.push_back({{name}, available ? 0.0 : 1.0});
        }
        return samples;
      });
}

AvailabilityLoop::~AvailabilityLoop() {
  for (auto& [name, watched] : watched_) DropQuestions(watched);
}

Duration AvailabilityLoop::NextLook(Duration now, std::string_view uid) {
  constexpr auto kMoments = std::chrono::duration_cast<std::chrono::milliseconds>(kHealthyPeriod);
  const Duration moment = std::chrono::milliseconds(Fnv1a32(uid) % kMoments.count());
  const Duration since = (now - moment) % kHealthyPeriod;
  return now - since + (since >= Duration::zero() ? kHealthyPeriod : Duration::zero());
}

void AvailabilityLoop::DropQuestions(Watched& watched) {
  for (const auto& question : watched.questions) question.fetch->Cancel();
  watched.questions.clear();
}

// Services are followed for as long as one of them may matter.
bool AvailabilityLoop::HasRung() {
  bool rung = api_services_.HasRung();
  if (parts_.services.Now()->remotes.empty()) return rung;
  rung |= services_.HasRung();
  rung |= slices_.HasRung();
  return rung;
}

void AvailabilityLoop::Follow(const ApiServiceTable& table) {
  std::map<std::string, Watched> next;
  for (const RemoteServicePtr& remote : table.remotes) {
    const auto known = watched_.find(remote->name);
    const bool same = known != watched_.end() && known->second.remote->uid == remote->uid;
    Watched& watched = next[remote->name];
    if (same) watched = std::move(known->second);
    watched.remote = remote;
    watched.is_contradicted =
        watched.said && remote->available != (watched.said->status == "True");
  }
  for (auto& [name, watched] : watched_) {
    if (!next.contains(name)) DropQuestions(watched);
  }
  watched_ = std::move(next);
  const MutexLock lock(gauges_->mutex);
  std::erase_if(gauges_->available,
                [&](const auto& each) { return !watched_.contains(each.first); });
}

Result<> AvailabilityLoop::Write(const Writing& writing, const Availability& availability) {
  const auto read = ReadTyped<APIService>(parts_.store, "", writing.name);
  if (!read && read.error().reason == Reason::kNotFound) return {};
  if (!read) return Fail(read.error());
  const auto said = SaidIn(**read);
  const bool stands = said == availability || (said && writing.only_where_missing);
  if (stands || (*read)->metadata.uid != writing.uid) return {};
  APIService object = **read;
  SetCondition(object, availability, parts_.clock.Now());
  http::Request request;
  request.method = "PUT";
  request.path =
      fmt::format("/apis/{}/apiservices/{}/status", APIService::Info().api_version, writing.name);
  request.headers.emplace("User-Agent", "kube-apiserver");
  request.body = ToJson(object).dump();
  const http::Response answer = parts_.ask(request);
  // Somebody else has written it meanwhile, which wakes us.
  if (answer.status == 409 || answer.status == 404 || answer.status < 400) return {};
  return Fail(Reason::kInternalError, answer.body);
}

void AvailabilityLoop::Count(const RemoteService& remote, const std::optional<Availability>& before,
                             const Availability& now) {
  const bool available = now.status == "True";
  if (!available && (!before || before->reason != now.reason)) {
    became_unavailable_.Add({remote.name, now.reason});
  }
  const MutexLock lock(gauges_->mutex);
  gauges_->available[remote.name] = available;
}

void AvailabilityLoop::Say(Watched& watched, Availability availability) {
  const Duration now = parts_.clock.Monotonic();
  if (availability.status == "True") {
    watched.retry = kFirstRetry;
    watched.due = NextLook(now, watched.remote->uid);
  } else {
    watched.due = now + watched.retry;
    watched.retry = std::min(watched.retry * 2, kRetryMax);
  }
  if (watched.said != availability) {
    log_.Info("api service looked at", {{"apiservice", watched.remote->name},
                                        {"available", availability.status},
                                        {"reason", availability.reason},
                                        {"message", availability.message}});
  }
  Count(*watched.remote, watched.said, availability);
  const auto written = Write({watched.remote->name, watched.remote->uid}, availability);
  if (!written) {
    log_.Error("availability not written",
               {{"apiservice", watched.remote->name}, {"error", written.error().message}});
  }
  watched.said = std::move(availability);
  watched.is_contradicted = false;  // Until it is followed again.
}

void AvailabilityLoop::AskAll(Watched& watched) {
  DropQuestions(watched);
  watched.failed.reset();
  watched.asked_at = parts_.clock.Monotonic();
  // Not until it is available would it ask itself, and so it is not.
  if (watched.remote->IsThisServer()) {
    const std::string url = "https://" + parts_.own_host + watched.remote->path();
    return Say(watched, FailedDiscovery(url, fmt::format("bad status from {}: 503", url)));
  }
  for (int i = 0; i < kQuestionsAtOnce; ++i) AskOnce(watched);
  if (watched.questions.empty()) Say(watched, *watched.failed);
}

void AvailabilityLoop::AskOnce(Watched& watched) {
  const RemoteService& remote = *watched.remote;
  auto upstream = parts_.backends.Find(remote);
  if (!upstream) {  // There is no URL yet that could be named.
    watched.failed = {"False", "FailedDiscoveryCheck", upstream.error().message};
    return;
  }
  std::string url = "https://" + HostOf(*upstream) + remote.path();
  const auto failed = [&](const Error& error) {
    watched.failed = FailedDiscovery(url, error.message);
  };
  // Not whether it is who it says: that is seen by who is sent there.
  const auto context = parts_.backends.TrustingContext();
  if (!context) return failed(context.error());
  upstream->tls = *context;
  auto asked = parts_.backends.Ask(std::move(*upstream),
                                   {.target = remote.path(),
                                    .headers = {{"Accept", "application/json, */*"}},
                                    .answer_bytes_max = 0,  // The status says it all.
                                    .connect_timeout = kQuestionTime,
                                    .head_timeout = kQuestionTime},
                                   AggregatorUser(), [this] { Wake(); });
  if (!asked) return failed(asked.error());
  watched.questions.push_back({std::move(*asked), std::move(url)});
}

void AvailabilityLoop::Hear(Watched& watched) {
  bool passes = false;
  std::erase_if(watched.questions, [&](const Watched::Question& question) {
    const auto answer = question.fetch->Take();
    if (!answer) return false;
    const std::string& url = question.url;
    if (!*answer) {
      const Error& error = answer->error();
      const bool late = error.reason == Reason::kTimeout;
      watched.failed = FailedDiscovery(
          url, fmt::format("Get {}: {}", Quoted(url), late ? kTooLate : error.message));
    } else if ((*answer)->status >= 200 && (*answer)->status < 300) {
      passes = true;
    } else {
      watched.failed =
          FailedDiscovery(url, fmt::format("bad status from {}: {}", url, (*answer)->status));
    }
    return true;
  });
  const bool is_over = parts_.clock.Monotonic() - watched.asked_at >= kAllQuestionsTime;
  if (is_over && !passes && !watched.questions.empty()) {
    watched.failed = {"False", "FailedDiscoveryCheck",
                      "timed out waiting for " + watched.questions.back().url};
  } else if (!passes && !watched.questions.empty()) {
    return;
  }
  DropQuestions(watched);
  Say(watched, passes ? AllChecksPassed() : *watched.failed);
}

bool AvailabilityLoop::Doubts(const Watched& watched) const {
  return watched.is_contradicted &&
         parts_.clock.Monotonic() - watched.doubted_at >= kHealthyPeriod;
}

void AvailabilityLoop::Look(Watched& watched, bool rung) {
  ServiceLook look = LookAtService(parts_.store, *watched.remote);
  look.fingerprint += " " + watched.remote->fingerprint;
  const bool changed = look.fingerprint != watched.fingerprint;
  const bool is_due = parts_.clock.Monotonic() >= watched.due;
  watched.fingerprint = std::move(look.fingerprint);
  const bool doubts = rung && Doubts(watched);
  const bool is_news = look.fault && watched.said != *look.fault;
  if (!changed && !is_due && !doubts && !is_news) {
    // Tried again when it is looked at.
    if (rung && watched.said) {
      (void)Write({watched.remote->name, watched.remote->uid, true}, *watched.said);
    }
    return;
  }
  if (doubts) watched.doubted_at = parts_.clock.Monotonic();
  if (look.fault) {
    DropQuestions(watched);
    watched.retry = kRetryMax;  // What mends it wakes us.
    return Say(watched, std::move(*look.fault));
  }
  if (changed) watched.retry = kFirstRetry;
  if (!watched.questions.empty() && !changed) return;
  AskAll(watched);  // What is under way was asked of somebody else.
}

Duration AvailabilityLoop::Tend(Watched& watched, bool rung) {
  if (!watched.questions.empty()) Hear(watched);
  const bool is_due = watched.questions.empty() && parts_.clock.Monotonic() >= watched.due;
  if (rung || is_due) Look(watched, rung);
  const Duration until =
      watched.questions.empty() ? watched.due : watched.asked_at + kAllQuestionsTime;
  return std::max(until - parts_.clock.Monotonic(), Duration(1ms));
}

Duration AvailabilityLoop::Step() {
  rung_ |= HasRung();
  const Duration since = parts_.clock.Monotonic() - looked_at_;
  const bool looks = rung_ && since >= kLookPause;
  if (looks) {
    const ApiServiceTablePtr table = parts_.services.Now();
    Follow(*table);
    for (const UnsaidLocal& each : table->unsaid_locals) {
      (void)Write({each.name, each.uid}, AlwaysAvailable());  // It stays in the table until then.
    }
    looked_at_ = parts_.clock.Monotonic();
    rung_ = false;
  }
  Duration again = kNever;
  for (auto& [name, watched] : watched_) again = std::min(again, Tend(watched, looks));
  // What was missed meanwhile.
  if (rung_) again = std::min(again, kLookPause);
  return again;
}

}  // namespace skiff
