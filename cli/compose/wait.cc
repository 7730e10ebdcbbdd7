#include "cli/compose/wait.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/text/go_text.h"
#include "cli/json_text.h"
#include "cli/rollout.h"
#include "cli/terminal_text.h"
#include "cli/why/explain.h"
#include "cli/why/gather.h"

namespace skiff::cli::compose {
namespace {

// So long nobody asks why it takes its time; then twice as long each time. A workload does not
// change by what keeps its pods, so that no event of it tells.
constexpr Duration kLookAfter = 3s;

Result<bool> JobIs(const Json& job, const std::string& condition) {
  for (const Json& each : At(job, "status", "conditions")) {
    if (TextAt(each, "status") != "True") continue;
    if (TextAt(each, "type") == "Complete") return true;
    if (TextAt(each, "type") == "Failed") return CliError(WithoutControls(TextAt(each, "message")));
  }
  return condition == "service_healthy" && IntAt(job, "status", "ready") > 0;
}

// Whether the log of a Job tells why it does not end.
bool HasSaidWhy(const Json& job, const Error& error) {
  return error.reason != Reason::kTimeout || IntAt(job, "status", "ready") > 0 ||
         IntAt(job, "status", "failed") > 0;
}

const Place& PlaceOf(const Node& service, const std::string& key) {
  const size_t dot = key.find('.');
  const Node& part = service[key.substr(0, dot)];
  return dot == key.npos ? part.place : part[key.substr(dot + 1)].place;
}

// A probe may yet succeed, as often as it has failed.
bool MayMendItself(const why::Finding& finding) {
  return finding.cause == "ReadinessProbe" || finding.cause == "StartupProbe";
}

}  // namespace

// Where nodes differ in what is against it, no one line is to blame.
std::string KeyBehind(const why::Finding& finding, const Node& service) {
  const auto all = [&](const char* cause) {
    return !finding.obstacles.empty() &&
           std::all_of(finding.obstacles.begin(), finding.obstacles.end(),
                       [&](const std::string& each) { return each == cause; });
  };
  const Node& deploy = service["deploy"];
  if (all("NodeAffinity") && deploy["placement"].Says()) return "deploy.placement";
  if (all("Resources") && deploy["resources"].Says()) return "deploy.resources";
  return finding.cause == "ImagePull" && service["image"].Says() ? "image" : "";
}

Result<> ServiceWait::For(const Workload& workload, const Resource& resource,
                          const std::string& condition) {
  // That it is started follows from the order.
  if (condition == "service_started") return {};
  live_ = Json();
  shown_.clear();
  told_of_.clear();
  const auto waited = WithLooks(workload, resource, condition);
  if (waited) return {};
  Error error = waited.error();
  // A failure that is no matter of time says itself what it is.
  std::string hindrance;
  if (error.reason == Reason::kTimeout) hindrance = Hindrance(workload, /*is_last=*/true);
  const bool by_log = resource.kind == "Job" && HasSaidWhy(live_, error);
  error.message = fmt::format(
      "service {} is not {}: {}\n{}(skiff {} {}/{} -n {} shows what {})", workload.service,
      condition == "service_healthy" ? "ready" : "completed", error.message,
      hindrance.empty() ? "" : hindrance + "\n", by_log ? "logs" : "why", Lower(resource.kind),
      NameOf(workload.object), session_.namespace_(), by_log ? "it said" : "is in its way");
  return Fail(std::move(error));
}

Result<> ServiceWait::WithLooks(const Workload& workload, const Resource& resource,
                                const std::string& condition) {
  const SystemClock clock;
  const Duration begin = clock.Monotonic();
  const ObjectKey key{session_.namespace_(), NameOf(workload.object)};
  for (Duration look_after = std::min(kLookAfter, timeout_ / 10);; look_after *= 2) {
    const Duration left = timeout_ - (clock.Monotonic() - begin);
    const bool is_last = left <= look_after;
    auto waited =
        WaitUntil(session_, resource, key, is_last ? left : look_after,
                  [&](const Json* live) { return IsDone(workload, resource, condition, live); });
    if (waited || is_last || waited.error().reason != Reason::kTimeout) return waited;
    const std::string hindrance = Hindrance(workload, /*is_last=*/false);
    if (!hindrance.empty()) Tell(workload, hindrance + "\n");
  }
}

Result<bool> ServiceWait::IsDone(const Workload& workload, const Resource& resource,
                                 const std::string& condition, const Json* live) {
  if (live == nullptr) {
    live_ = Json();
    return CliError("it is gone");
  }
  live_ = *live;
  // Items of lists do not say what they are.
  live_["kind"] = resource.kind;
  live_["apiVersion"] = resource.api_version;
  std::string waits_for = "Waiting for the job to end...\n";
  if (resource.kind == "Job") {
    if (TRY(JobIs(*live, condition))) return true;
  } else {
    const RolloutProgress progress = TRY(ProgressOf(live_, 0));
    if (progress.done) return true;
    waits_for = progress.text;
  }
  // Nobody is to look at nothing while it takes its time.
  if (waits_for != shown_) Tell(workload, waits_for);
  shown_ = waits_for;
  return false;
}

std::string ServiceWait::Hindrance(const Workload& workload, bool is_last) {
  if (live_.is_null()) return "";
  // Who cannot look waits on.
  const auto facts = why::Gather(session_, command_.environment().clock.Now(), live_);
  if (!facts) return "";
  const why::Explanation explanation = why::Explain(*facts);
  const why::Finding& finding = explanation.findings.front();
  if (finding.weight < (is_last ? why::Weight::kWaits : why::Weight::kWrong)) return "";
  if (!is_last && MayMendItself(finding)) return "";
  // Its sentence changes with its age.
  if (!told_of_.insert(finding.cause).second) return "";
  std::string line = finding.sentence;
  const Node& service = project_.root["services"][workload.service];
  const std::string said = KeyBehind(finding, service);
  if (!said.empty()) {
    line +=
        fmt::format(" ({}: services.{}.{})", PlaceOf(service, said).Text(), workload.service, said);
  }
  // What a file says is changed there, lest the next `up` finds another's fields.
  if (!finding.commands.empty() && !finding.commands.front().starts_with("skiff set ")) {
    line += (line.ends_with('?') ? " try: " : "; try: ") + finding.commands.front();
  }
  return WithoutControls(line);
}

void ServiceWait::Tell(const Workload& workload, const std::string& line) {
  command_.Warn("{}: {}", workload.service, line);
}

}  // namespace skiff::cli::compose
