#include "apiserver/flow_control/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace skiff::flow_control {
namespace {

// Wishes that are less than this are none.
constexpr double kWishMin = 0.5;

double WeightOf(const Level& level) {
  return std::max(1, level.set.seats_max());
}

}  // namespace

LevelSpec LevelSpec::Of(const flowcontrol_v1::PriorityLevelConfiguration& object) {
  LevelSpec spec;
  spec.name = object.metadata.name;
  spec.uid = object.metadata.uid;
  spec.exempt = object.spec.type == "Exempt";
  spec.shares.exempt = spec.exempt;
  if (const auto& exempt = object.spec.exempt) {
    spec.shares.nominal = exempt->nominal_concurrency_shares.value_or(0);
    spec.shares.lendable_percent = exempt->lendable_percent.value_or(0);
  }
  const auto& limited = object.spec.limited;
  if (!limited) return spec;
  spec.shares.nominal = limited->nominal_concurrency_shares.value_or(0);
  spec.shares.lendable_percent = limited->lendable_percent.value_or(0);
  spec.shares.borrowing_percent = limited->borrowing_limit_percent;
  if (const auto& queuing = limited->limit_response.queuing) {
    spec.shape = {queuing->queues, queuing->hand_size, queuing->queue_length_limit};
  }
  return spec;
}

Dispatcher::Dispatcher(Options options, Duration now)
    : options_(options),
      read_slots_(options.read_slots),
      write_slots_(options.write_slots),
      judging_slots_(options.judging_slots),
      unsent_(options.unsent_max),
      reads_(now),
      writes_(now) {}

std::shared_ptr<Level> Dispatcher::Find(std::string_view name) const {
  const auto found = std::find_if(levels_.begin(), levels_.end(), [&](const auto& level) {
    return level->spec.name == name && !level->going;
  });
  return found == levels_.end() ? nullptr : *found;
}

void Dispatcher::Configure(std::vector<LevelSpec> specs, Duration now) {
  std::vector<Shares> shares;
  for (const LevelSpec& spec : specs) shares.push_back(spec.shares);
  const std::vector<Limits> limits = LimitsOf(shares, options_.seats);
  std::vector<std::shared_ptr<Level>> levels;
  for (size_t i = 0; i < specs.size(); ++i) {
    std::shared_ptr<Level> level = Find(specs[i].name);
    // One that becomes exempt, or no longer is, begins anew: what is under way ends as it began.
    if (level && level->spec.exempt != specs[i].exempt) level = nullptr;
    const bool is_new = level == nullptr;
    if (is_new) {
      level = std::make_shared<Level>(std::move(specs[i]), now);
    } else {
      level->spec = std::move(specs[i]);
      level->set.Reshape(level->spec.shape, now);
    }
    if (is_new || level->limits != limits[i]) level->set.SetSeats(limits[i].initial(), now);
    level->limits = limits[i];
    level->has_queues = level->spec.shape.queues > 0;
    level->request_seats_max = SeatsPerRequestMax(limits[i].nominal, level->spec.shape.hand_size);
    levels.push_back(std::move(level));
  }
  for (const auto& level : levels_) {
    if (std::find(levels.begin(), levels.end(), level) != levels.end()) continue;
    level->going = true;
    if (!level->set.idle()) levels.push_back(level);
  }
  levels_ = std::move(levels);
  queue_volume_ = 0;
  for (const auto& level : levels_) queue_volume_ += level->set.queue_volume();
  Adjust(now);
}

void Dispatcher::NoteDemand(Level& level, Duration now) {
  const QueueSet& set = level.set;
  const int wanted = set.seats_in_use() + set.seats_waited_for();
  level.demand.Note(now, wanted);
  level.demand_part.Set(now, wanted, level.limits.nominal);
  level.seat_use.Set(now, set.seats_in_use(), set.seats_max());
  level.waiting_part.Set(now, set.waiting(), set.queue_volume());
  level.executing_part.Set(now, set.executing(), set.seats_max());
}

void Dispatcher::NoteTurn(const Turn& turn, int waiting, int executing, Duration now) {
  NoteDemand(*turn.level, now);
  Kind& kind = turn.reads ? reads_ : writes_;
  kind.waiting += waiting;
  kind.executing += executing;
  kind.waiting_part.Set(now, kind.waiting, queue_volume_);
  kind.executing_part.Set(now, kind.executing, options_.seats);
}

Dispatcher::OverTimeFigures Dispatcher::OverTime(Duration now) {
  OverTimeFigures all{.levels = {},
                      .reads_waiting = reads_.waiting_part.Read(now),
                      .reads_executing = reads_.executing_part.Read(now),
                      .writes_waiting = writes_.waiting_part.Read(now),
                      .writes_executing = writes_.executing_part.Read(now)};
  for (const auto& level : levels_) {
    if (level->going || level->spec.exempt) continue;
    all.levels.push_back({level->spec.name, level->seat_use.Read(now),
                          level->waiting_part.Read(now), level->executing_part.Read(now),
                          level->demand_part.Read(now), level->set.progress()});
  }
  return all;
}

QueueSet::Verdict Dispatcher::Enqueue(Turn& turn, Duration now) {
  Level& level = *turn.level;
  const bool idle = level.set.waiting() == 0 && level.set.executing() == 0;
  // It was let go after the request had been told of it.
  if (level.going && level.set.idle()) levels_.push_back(turn.level);
  const auto verdict = level.set.Enqueue(turn, now);
  if (verdict != QueueSet::Verdict::kWaits) return verdict;
  if (idle) level.pass = std::max(level.pass, now_pass_);
  NoteTurn(turn, 1, 0, now);
  return verdict;
}

Turn* Dispatcher::StartNext(Duration now) {
  scratch_.clear();
  for (const auto& level : levels_) {
    if (level->set.waiting() > 0) scratch_.push_back(level.get());
  }
  std::sort(scratch_.begin(), scratch_.end(),
            [](const Level* a, const Level* b) { return a->pass < b->pass; });
  for (Level* level : scratch_) {
    const auto may_run = [this, level](const QueuedRequest& request) {
      const Turn& turn = static_cast<const Turn&>(request);
      return MayTakeSlot(turn) && unsent_.MayTake(level, turn.flow);
    };
    QueuedRequest* next = level->set.StartNext(now, may_run);
    if (next == nullptr) continue;
    Turn& turn = static_cast<Turn&>(*next);
    TakeSlot(turn);
    now_pass_ = std::max(now_pass_, level->pass);
    level->pass += turn.work.Total(kEstimatedTime) / WeightOf(*level);
    NoteTurn(turn, -1, 1, now);
    return &turn;
  }
  return nullptr;
}

void Dispatcher::Remove(Turn& turn, Duration now) {
  turn.level->set.Remove(turn, now);
  NoteTurn(turn, -1, 0, now);
}

bool Dispatcher::MayTakeSlot(const Turn& turn) {
  const Level* const level = turn.level.get();
  return SlotsOf(turn).MayTake(level, turn.flow) &&
         (turn.reads || judging_slots_.MayTake(level, turn.flow));
}

void Dispatcher::TakeSlot(Turn& turn) {
  SlotsOf(turn).Take(turn.level.get(), turn.flow);
  turn.has_slot = true;
  if (turn.reads) return;
  judging_slots_.Take(turn.level.get(), turn.flow);
  turn.is_judged = false;
}

void Dispatcher::EndJudging(Turn& turn) {
  if (std::exchange(turn.is_judged, true)) return;
  judging_slots_.Give(turn.level.get(), turn.flow);
}

void Dispatcher::LeaveSlot(Turn& turn) {
  EndJudging(turn);
  if (!turn.has_slot) return;
  turn.has_slot = false;
  SlotsOf(turn).Give(turn.level.get(), turn.flow);
}

void Dispatcher::Finish(Turn& turn, Duration now) {
  LeaveSlot(turn);
  Level& level = *turn.level;
  level.set.Finish(turn, now);
  const double took = std::chrono::duration<double>(now - turn.started - kEstimatedTime).count();
  level.pass += turn.work.initial_seats * took / WeightOf(level);
  NoteTurn(turn, 0, -1, now);
  if (level.going && level.set.idle()) {
    std::erase_if(levels_, [&](const auto& each) { return each.get() == &level; });
  }
}

bool Dispatcher::Adjust(Duration now) {
  std::vector<Demand> demands;
  std::vector<Level*> adjusted_levels;
  int sum = 0;
  bool goes_on = false;
  for (const auto& level : levels_) {
    if (level->going) {
      level->set.SetSeats(level->set.seats_max(), now);  // Takes back what is due.
      continue;
    }
    if (level->spec.exempt) {
      level->demand.Note(now, static_cast<double>(level->exempt_executing.load()));
    } else {
      NoteDemand(*level, now);
    }
    level->wish.Take(level->demand.Take(now));
    goes_on |= level->wish.highest > 0 || level->wish.smoothed > kWishMin;
    sum += level->limits.nominal;
    demands.push_back({level->limits, level->wish, level->spec.exempt});
    adjusted_levels.push_back(level.get());
  }
  std::erase_if(levels_, [](const auto& level) { return level->going && level->set.idle(); });
  const Adjusted adjusted = AdjustLimits(demands, sum);
  for (size_t i = 0; i < adjusted_levels.size(); ++i) {
    adjusted_levels[i]->set.SetSeats(adjusted.seats[i], now);
    adjusted_levels[i]->target = adjusted.targets[i];
  }
  fair_fraction_ = adjusted.fair_fraction;
  return goes_on;
}

Duration Dispatcher::next_release() const {
  Duration next = kNever;
  for (const auto& level : levels_) {
    if (level->set.waiting() > 0) next = std::min(next, level->set.next_release());
  }
  return next;
}

}  // namespace skiff::flow_control
