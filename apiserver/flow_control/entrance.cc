#include "apiserver/flow_control/entrance.h"

#include <algorithm>
#include <utility>

#include "api/codec/struct_text.h"
#include "apiserver/flow_control/beginning.h"
#include "apiserver/flow_control/unsent.h"
#include "apiserver/flow_control/waiter.h"
#include "apiserver/request/respond.h"
#include "apiserver/server/bootstrap.h"
#include "base/processors.h"

namespace skiff::flow_control {
namespace {

// Jobs that have their slot wait for a thread no longer than until another has sent its answer.
constexpr size_t kJobsMax = 1024;

// Of each of the two limits: so many that nobody means them.
constexpr int kServerSeatsMax = 1 << 20;

// A flow alone gets half of them: a processor each.
int ReadSlots(int given) {
  return given > 0 ? given : std::max(4, 2 * UsableProcessors());
}

// Likewise: to judge takes a processor, and whoever comes beside a flow that floods is to find one
// other judged there at most. A loop lets them in, so that it costs little to keep one.
int JudgingSlots(int given) {
  return given > 0 ? given : 2 * UsableProcessors();
}

thread_local Pass* at_work_here = nullptr;

// As kube-apiserver: what may last for ever takes no seat. A watch takes one until it has begun.
bool TakesNoSeat(const RequestInfo& info) {
  return info.verb != "watch" && IsLongRunning(info);
}

uint64_t Mixed(uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

template <typename T>
std::shared_ptr<const T> Decoded(const Json& document) {
  auto object = std::make_shared<T>();
  CHECK(DecodeStruct(T::Describe(), document.dump(), FieldValidation::kIgnore, object.get()));
  return object;
}

// What there is always, where somebody has just deleted it.
template <typename T>
void AddMandatory(std::vector<std::shared_ptr<const T>>& objects) {
  for (const std::string_view name : {kExempt, kCatchAll}) {
    const bool has = std::any_of(objects.begin(), objects.end(), [&](const auto& object) {
      return object->metadata.name == name;
    });
    if (has) continue;
    for (const Json& document : FlowControlObjects()) {
      const bool is_it = document["kind"].get<std::string>() == T::Info().kind &&
                         document["metadata"]["name"].get<std::string>() == name;
      if (is_it) objects.push_back(Decoded<T>(document));
    }
  }
}

}  // namespace

Pass& Pass::operator=(Pass&& other) noexcept {
  if (this == &other) return *this;
  End();
  entrance_ = other.entrance_;
  configuration_ = std::move(other.configuration_);
  target_ = other.target_;
  state_ = other.state_;
  held_ = std::exchange(other.held_, Held::kNothing);
  is_watch_ = other.is_watch_;
  turn_ = std::move(other.turn_);
  executing_ = std::exchange(other.executing_, std::nullopt);
  return *this;
}

void Pass::End() {
  if (held_ != Held::kNothing) entrance_->End(*this);
  held_ = Held::kNothing;
}

void Pass::EndJudging() {
  if (held_ == Held::kTurn && !turn_.is_judged) entrance_->EndJudging(turn_);
}

AtWork::AtWork(Pass& pass) {
  CHECK(at_work_here == nullptr);
  at_work_here = &pass;
}

AtWork::~AtWork() {
  at_work_here = nullptr;
}

void AtWork::Waits() {
  if (at_work_here != nullptr) at_work_here->EndJudging();
}

void Pass::LeaveWorker() {
  if (held_ == Held::kTurn) entrance_->LeaveSlot(turn_);
}

void Pass::Mark(http::Response& response) const {
  if (target_ == nullptr) return;
  response.SetHeader("X-Kubernetes-Pf-Flowschema-Uid", target_->schema_uid);
  response.SetHeader("X-Kubernetes-Pf-Prioritylevel-Uid", target_->level_uid);
}

Entrance::Entrance(Options options, Parts parts)
    : options_(options),
      clock_(parts.clock),
      finish_refusal_(std::move(parts.finish_refusal)),
      kinds_(parts.clock, std::move(parts.count_objects)),
      dispatcher_({.seats = std::min(kServerSeatsMax, options.reading_max) +
                            std::min(kServerSeatsMax, options.writing_max),
                   .read_slots = ReadSlots(options.read_slots),
                   .write_slots = options.write_slots,
                   .judging_slots = JudgingSlots(options.judging_slots),
                   .unsent_max = UnsentUnits(options.unsent_bytes_max)},
                  parts.clock.Monotonic()),
      figures_(parts.metrics,
               {.flows =
                    [this] {
                      const MutexLock lock(configuration_mutex_);
                      return std::vector<std::shared_ptr<const FlowFigures>>(flows_.begin(),
                                                                             flows_.end());
                    },
                .levels = [this] { return LevelsNow(); },
                .fair_fraction =
                    [this] {
                      const MutexLock lock(mutex_);
                      return dispatcher_.fair_fraction();
                    },
                .over_time =
                    [this] {
                      const MutexLock lock(mutex_);
                      return dispatcher_.OverTime(clock_.Monotonic());
                    }}),
      pool_(ReadSlots(options.read_slots) + options.write_slots, kJobsMax) {
  Configure({}, {});
}

void Entrance::WakeBy(std::function<void()> wake) {
  wake_ = std::move(wake);
}

void Entrance::Configure(
    Classifier::Objects schemas,
    std::vector<std::shared_ptr<const flowcontrol_v1::PriorityLevelConfiguration>> objects) {
  AddMandatory(schemas);
  AddMandatory(objects);
  std::vector<LevelSpec> specs;
  for (const auto& object : objects) specs.push_back(LevelSpec::Of(*object));
  std::map<std::string, std::shared_ptr<Level>> levels;
  Waiters begun;
  {
    const MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    dispatcher_.Configure(specs, now);
    for (const LevelSpec& spec : specs) levels[spec.name] = dispatcher_.Find(spec.name);
    Dispatch(nullptr, now, begun);
  }
  Begin(begun);
  // What leads nowhere matches nobody.
  std::erase_if(schemas, [&](const auto& schema) {
    return !levels.contains(schema->spec.priority_level_configuration.name);
  });
  auto made = std::make_shared<Configuration>(Configuration{Classifier(std::move(schemas)), {}});
  const MutexLock lock(configuration_mutex_);
  std::vector<std::shared_ptr<FlowFigures>> flows;
  for (size_t i = 0; i < made->classifier.size(); ++i) {
    const Classifier::Schema& schema = made->classifier.schema(i);
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const LevelSpec& each) {
      return each.name == schema.level;
    });
    const auto known = std::find_if(flows_.begin(), flows_.end(), [&](const auto& flow) {
      return flow->schema == schema.name && flow->level == schema.level;
    });
    auto figures = known != flows_.end() ? *known
                                         : std::make_shared<FlowFigures>(schema.name, schema.level);
    flows.push_back(figures);
    made->targets.push_back({schema.name, schema.uid, spec->uid, spec->exempt,
                             Mixed(std::hash<std::string>()(schema.name)), levels[schema.level],
                             std::move(figures)});
  }
  // Those that requests in hand still count by stay until the next change.
  for (const auto& flow : flows_) {
    const bool listed = std::find(flows.begin(), flows.end(), flow) != flows.end();
    if (!listed && flow->executing + flow->waiting > 0) flows.push_back(flow);
  }
  flows_ = std::move(flows);
  configuration_ = std::move(made);
}

std::shared_ptr<const Configuration> Entrance::Now() const {
  const MutexLock lock(configuration_mutex_);
  return configuration_;
}

Pass Entrance::Enter(const Question& question) {
  if (TakesNoSeat(question.info)) return {};
  if (!options_.fair) return EnterCounted(question);
  Pass pass;
  pass.entrance_ = this;
  pass.configuration_ = Now();
  const auto found = pass.configuration_->classifier.Find(question.user, question.info);
  const Target& target = pass.configuration_->targets[found.schema];
  pass.target_ = &target;
  pass.is_watch_ = question.info.verb == "watch";
  const auto entered = [&](Pass done) {
    if (done.held_ == Pass::Held::kNothing) return done;
    AddExecuting(done, {.distinguisher = std::string(found.distinguisher),
                        .user = question.user.name,
                        .method = question.http.method,
                        .path = question.http.path,
                        .verb = question.info.verb,
                        .name = question.info.name});
    return done;
  };
  if (target.exempt) return entered(EnterExempt(std::move(pass)));
  pass.turn_.flow =
      Mixed(target.salt ^ std::hash<std::string_view>()(found.distinguisher));
  pass.turn_.level = target.level;
  pass.turn_.reads = question.info.IsReadOnly() || !question.info.is_resource;
  KindFacts facts = kinds_.Facts(question.info);
  std::optional<int64_t> watchers;
  pass.turn_.work = EstimateWork(question.info, question.http,
                                 {facts.objects,
                                  [&facts, &watchers] { return *(watchers = facts.watchers()); }},
                                 target.level->request_seats_max);
  figures_.Estimated(*target.figures, pass.turn_.work.seats());
  if (watchers) figures_.Watched(*target.figures, *watchers);
  return entered(EnterFairly(std::move(pass)));
}

void Entrance::AddExecuting(Pass& pass, ExecutingRequest request) {
  const bool is_counted = pass.held_ == Pass::Held::kTurn;
  const Turn& turn = pass.turn_;
  const Duration now = clock_.Monotonic();
  request.configuration = pass.configuration_;
  request.target = pass.target_;
  const bool is_queued = is_counted && pass.target_->level->has_queues;
  request.queue = is_queued ? turn.queue : -1;
  request.work = turn.work;
  request.arrived = is_counted ? turn.arrived : now;
  request.started = is_counted ? turn.started : now;
  pass.executing_ = executing_.Add(std::move(request));
}

Pass Entrance::EnterCounted(const Question& question) {
  const bool reads = question.info.IsReadOnly();
  const int limit = reads ? options_.reading_max : options_.writing_max;
  Pass pass;
  if (limit == 0) return pass;
  std::atomic<int>& count = reads ? reading_ : writing_;
  if (count.fetch_add(1) >= limit && !question.user.InGroup(kGroupMasters)) {
    count.fetch_sub(1);
    pass.state_ = Pass::State::kRefused;
    return pass;
  }
  pass.entrance_ = this;
  pass.held_ = reads ? Pass::Held::kReading : Pass::Held::kWriting;
  return pass;
}

Pass Entrance::EnterExempt(Pass pass) {
  const Target& target = *pass.target_;
  pass.held_ = Pass::Held::kExempt;
  ++target.level->exempt_executing;
  ++target.level->dispatched;
  ++target.figures->dispatched;
  ++target.figures->executing;
  ++target.figures->executing_seats;
  return pass;
}

Pass Entrance::EnterFairly(Pass pass) {
  Turn& turn = pass.turn_;
  Waiters begun;
  auto verdict = QueueSet::Verdict::kWaits;
  bool wake = false;
  int queue_length = 0;
  {
    const MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    if (adjust_at_ == kNever) adjust_at_ = now + kAdjustPeriod;
    wake = Plan(adjust_at_);
    verdict = dispatcher_.Enqueue(turn, now);
    if (verdict == QueueSet::Verdict::kWaits) {
      queue_length = turn.level->set.LengthOf(turn.queue);
      if (Dispatch(&turn, now, begun)) {
        pass.held_ = Pass::Held::kTurn;
      } else {
        // Whoever has to wait is kept elsewhere, and comes again.
        dispatcher_.Remove(turn, now);
        pass.state_ = Pass::State::kMustWait;
      }
    }
  }
  if (wake) wake_();
  Begin(begun);
  const Target& target = *pass.target_;
  if (verdict != QueueSet::Verdict::kWaits) {
    pass.state_ = Pass::State::kRefused;
    CountRefused(target, verdict == QueueSet::Verdict::kQueueFull ? Refused::kQueueFull
                                                                  : Refused::kConcurrencyLimit);
  } else if (pass.held_ == Pass::Held::kTurn) {
    figures_.Queued(*target.figures, queue_length);
    CountBegun(target, turn, Duration::zero());
  }
  return pass;
}

void Entrance::CountBegun(const Target& target, const Turn& turn, Duration waited) {
  ++target.level->dispatched;
  ++target.figures->dispatched;
  ++target.figures->executing;
  target.figures->executing_seats += turn.work.seats();
  figures_.Waited(*target.figures, waited, true);
}

void Entrance::CountRefused(const Target& target, Refused reason) {
  ++target.figures->refused[static_cast<size_t>(reason)];
  ++(reason == Refused::kTimeOut     ? target.level->timed_out
     : reason == Refused::kCancelled ? target.level->cancelled
                                     : target.level->rejected);
  const auto now = clock_.Now().time_since_epoch();
  target.level->retry_after.CountRefused(
      std::chrono::floor<std::chrono::seconds>(now).count());
}

bool Entrance::Dispatch(Turn* own, Duration now, Waiters& begun) {
  bool own_begins = false;
  if (stopped_) return false;
  while (Turn* next = dispatcher_.StartNext(now)) {
    if (next == own) {
      own_begins = true;
      continue;
    }
    Waiter& waiter = static_cast<Waiter&>(*next);
    begun.push_back(waiter.place->second);
    Forget(waiter);
    waiter.state = Waiter::State::kBegun;
  }
  return own_begins;
}

bool Entrance::Plan(Duration due) {
  if (due >= planned_) return false;
  planned_ = due;
  return wake_ != nullptr;
}

void Entrance::End(Pass& pass) {
  const Target* target = pass.target_;
  if (pass.executing_) executing_.Remove(*pass.executing_);
  pass.executing_.reset();
  switch (pass.held_) {
    case Pass::Held::kReading:
      --reading_;
      return;
    case Pass::Held::kWriting:
      --writing_;
      return;
    case Pass::Held::kExempt:
      --target->level->exempt_executing;
      --target->figures->executing;
      --target->figures->executing_seats;
      return;
    case Pass::Held::kNothing:
      return;
    case Pass::Held::kTurn:
      break;
  }
  Waiters begun;
  bool wake = false;
  Duration took = Duration::zero();
  {
    const MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    took = now - pass.turn_.started;
    dispatcher_.Finish(pass.turn_, now);
    Dispatch(nullptr, now, begun);
    wake = !deadlines_.empty() && Plan(dispatcher_.next_release());
  }
  if (wake) wake_();
  Begin(begun);
  --target->figures->executing;
  target->figures->executing_seats -= pass.turn_.work.seats();
  figures_.Executed(*target->figures, took, pass.is_watch_);
}

void Entrance::LeaveSlot(Turn& turn) {
  Waiters begun;
  {
    const MutexLock lock(mutex_);
    dispatcher_.LeaveSlot(turn);
    Dispatch(nullptr, clock_.Monotonic(), begun);
  }
  Begin(begun);
}

void Entrance::EndJudging(Turn& turn) {
  Waiters begun;
  {
    const MutexLock lock(mutex_);
    dispatcher_.EndJudging(turn);
    Dispatch(nullptr, clock_.Monotonic(), begun);
  }
  Begin(begun);
}

http::Response Entrance::Refusal(const Pass& pass, const http::Request& request) const {
  http::Response response = TextResponse(429, "Too many requests, please try again later.\n");
  const int64_t seconds = pass.target_ == nullptr ? 1 : pass.target_->level->retry_after.seconds();
  response.SetHeader("Retry-After", std::to_string(seconds));
  pass.Mark(response);
  if (finish_refusal_) finish_refusal_(request, response);
  return response;
}

Duration Entrance::Step() {
  Waiters begun;
  Waiters expired;
  std::vector<std::shared_ptr<Unsent>> late;
  std::vector<Pass> slow;
  Duration due = kNever;
  Duration now;
  {
    const MutexLock lock(mutex_);
    now = clock_.Monotonic();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      const std::shared_ptr<Waiter> waiter = deadlines_.begin()->second;
      dispatcher_.Remove(*waiter, now);
      Forget(*waiter);
      waiter->state = Waiter::State::kGone;
      expired.push_back(waiter);
    }
    late = TakeLate(now);
    slow = TakeSlowBeginnings(now);
    if (now >= adjust_at_) adjust_at_ = dispatcher_.Adjust(now) ? now + kAdjustPeriod : kNever;
    Dispatch(nullptr, now, begun);
    due = std::min(adjust_at_, dispatcher_.next_release());
    if (!deadlines_.empty()) due = std::min(due, deadlines_.begin()->first);
    if (!unsent_.empty()) due = std::min(due, unsent_.begin()->first);
    if (!beginnings_.empty()) due = std::min(due, beginnings_.begin()->first);
    planned_ = due;
  }
  Begin(begun);
  for (const auto& waiter : expired) Refuse(*waiter, Refused::kTimeOut);
  for (const auto& each : late) each->Drop();
  return due == kNever ? kNever : std::max(Duration::zero(), due - now);
}

std::vector<LevelFigures> Entrance::LevelsNow() {
  std::vector<LevelFigures> levels;
  const MutexLock lock(mutex_);
  for (const auto& level : dispatcher_.levels()) {
    if (level->going) continue;
    levels.push_back({level->spec.name, level->limits, level->set.seats_max(), level->wish,
                      level->target});
  }
  return levels;
}

}  // namespace skiff::flow_control
