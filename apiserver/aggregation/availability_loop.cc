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

namespace skiff {
namespace {

using apiregistration_v1::APIService;

constexpr int kQuestionsMax = 5;
constexpr Duration kQuestionTime = 5s;  // For one.
constexpr Duration kAllQuestionsTime = 6s;
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
  for (auto& [name, watched] : watched_) {
    if (watched.question) watched.question->Cancel();
  }
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
  }
  for (auto& [name, watched] : watched_) {
    if (watched.question && !next.contains(name)) watched.question->Cancel();
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
    watched.due = now + kHealthyPeriod;
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
}

void AvailabilityLoop::AskOnce(Watched& watched) {
  const RemoteService& remote = *watched.remote;
  --watched.questions_left;
  watched.url = "https://" + remote.server_name() + remote.path();
  auto upstream = parts_.backends.Find(remote);
  if (!upstream) return Say(watched, FailedDiscovery(watched.url, upstream.error().message));
  watched.url = "https://" + HostOf(*upstream) + remote.path();
  // Not whether it is who it says: that is seen by who is sent there.
  const auto context = parts_.backends.TrustingContext();
  if (!context) return Say(watched, FailedDiscovery(watched.url, context.error().message));
  upstream->tls = *context;
  auto asked = parts_.backends.Ask(std::move(*upstream),
                                   {.target = remote.path(),
                                    .headers = {{"Accept", "application/json, */*"}},
                                    .answer_bytes_max = size_t{4} << 20,
                                    .connect_timeout = kQuestionTime,
                                    .head_timeout = kQuestionTime},
                                   AggregatorUser(), [this] { Wake(); });
  if (!asked) return Say(watched, FailedDiscovery(watched.url, asked.error().message));
  watched.question = std::move(*asked);
}

void AvailabilityLoop::Hear(Watched& watched) {
  auto answer = watched.question->Take();
  const Duration now = parts_.clock.Monotonic();
  if (!answer) {
    if (now - watched.asked_at < kAllQuestionsTime) return;
    watched.question->Cancel();
    watched.question = nullptr;
    return Say(watched, {"False", "FailedDiscoveryCheck", "timed out waiting for " + watched.url});
  }
  watched.question = nullptr;
  const bool passes = *answer && (*answer)->status >= 200 && (*answer)->status < 300;
  if (passes) return Say(watched, AllChecksPassed());
  if (watched.questions_left > 0 && now - watched.asked_at < kAllQuestionsTime) {
    return AskOnce(watched);
  }
  const std::string why =
      *answer ? fmt::format("bad status from {}: {}", watched.url, (*answer)->status)
              : fmt::format("Get {}: {}", Quoted(watched.url),
                            (*answer).error().message);
  Say(watched, FailedDiscovery(watched.url, why));
}

void AvailabilityLoop::Look(Watched& watched, bool rung) {
  ServiceLook look = LookAtService(parts_.store, *watched.remote);
  look.fingerprint += fmt::format(" {}/{}:{}", watched.remote->service_namespace,
                                  watched.remote->service_name, watched.remote->port);
  const bool changed = look.fingerprint != watched.fingerprint;
  const bool is_due = parts_.clock.Monotonic() >= watched.due;
  watched.fingerprint = std::move(look.fingerprint);
  if (look.fault) {
    if (watched.question) watched.question->Cancel();
    watched.question = nullptr;
    watched.retry = kRetryMax;  // What mends it wakes us.
    return Say(watched, std::move(*look.fault));
  }
  if (changed) watched.retry = kFirstRetry;
  if (!changed && !is_due) {
    // Tried again when it is looked at.
    if (rung && watched.said) {
      (void)Write({watched.remote->name, watched.remote->uid, true}, *watched.said);
    }
    return;
  }
  if (watched.question && !changed) return;
  // What is under way was asked of somebody else.
  if (watched.question) watched.question->Cancel();
  watched.question = nullptr;
  watched.questions_left = kQuestionsMax;
  watched.asked_at = parts_.clock.Monotonic();
  AskOnce(watched);
}

Duration AvailabilityLoop::Tend(Watched& watched, bool rung) {
  if (watched.question) Hear(watched);
  if (rung || (!watched.question && parts_.clock.Monotonic() >= watched.due)) Look(watched, rung);
  const Duration until = watched.question ? watched.asked_at + kAllQuestionsTime : watched.due;
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
