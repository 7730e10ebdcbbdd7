// All priority levels together: who of those that wait begins next. Within a level its queues
// decide (queue_set.h); its seats bound how much of it is under way (concurrency.h). Among levels,
// where the workers are what is scarce, each gets on in proportion to its seats; slots (slots.h)
// say how much may be worked on at all, what reads apart from what writes: reads want a processor,
// writes mostly wait for the disk, and the more of them do so together the better. Until it is
// judged, and waits, a write wants a processor as well: for that there are slots of their own.
//
//   Dispatcher dispatcher({.seats = 600, .read_slots = 6, .write_slots = 24}, now);
//   dispatcher.Configure(specs, now);
//   Turn turn{..., dispatcher.Find("workload-low"), reads};
//   dispatcher.Enqueue(turn, now);
//   while (Turn* next = dispatcher.StartNext(now)) Begin(*next);
//   dispatcher.EndJudging(turn); dispatcher.LeaveSlot(turn); dispatcher.Finish(turn, now);
//
// Not thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/flowcontrol_v1.h"
#include "apiserver/flow_control/concurrency.h"
#include "apiserver/flow_control/queue_set.h"
#include "apiserver/flow_control/retry_after.h"
#include "apiserver/flow_control/slots.h"
#include "apiserver/flow_control/timed_ratio.h"

namespace skiff::flow_control {

// What a PriorityLevelConfiguration says.
struct LevelSpec {
  static LevelSpec Of(const flowcontrol_v1::PriorityLevelConfiguration& object);
  std::string name;
  std::string uid;
  bool exempt = false;
  Shares shares;
  QueueSet::Shape shape;
};

// Of the histograms that count time: as kube-apiserver has them.
inline constexpr double kSeatUseBounds[] = {0,   0.1, 0.2, 0.3, 0.4,  0.5, 0.6,
                                            0.7, 0.8, 0.9, 0.95, 0.99, 1};
inline constexpr double kRequestUseBounds[] = {0,   0.001, 0.003, 0.01, 0.03,
                                               0.1, 0.25,  0.5,   0.75, 1};
inline constexpr double kDemandBounds[] = {0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6};
inline constexpr double kReadWriteBounds[] = {0,   0.001, 0.01, 0.1, 0.2, 0.3,  0.4, 0.5,
                                              0.6, 0.7,   0.8,  0.9, 0.95, 0.99, 1};

struct Level {
  Level(LevelSpec of, Duration now)
      : spec(std::move(of)),
        set(spec.shape, 0, now),
        demand(now),
        seat_use(kSeatUseBounds, now),
        waiting_part(kRequestUseBounds, now),
        executing_part(kRequestUseBounds, now),
        demand_part(kDemandBounds, now),
        has_queues(spec.shape.queues > 0) {}

  LevelSpec spec;
  bool going = false;  // Its object is gone; it stays until nothing of it is under way.
  Limits limits;
  QueueSet set;
  Integrator demand;  // Seats that are taken or waited for.
  // Parts of the seats, of the queues' volume, of the seats, of the nominal seats.
  TimedRatio seat_use, waiting_part, executing_part, demand_part;
  Wish wish;
  double target = 0;
  double pass = 0;  // Work that was begun here, in proportion to its seats.
  // Of requests, since the start; and of those of an exempt level, which nobody counts otherwise.
  std::atomic<int64_t> dispatched = 0, rejected = 0, timed_out = 0, cancelled = 0;
  std::atomic<int64_t> exempt_executing = 0;
  RetryAfter retry_after;
  // The most seats of one request; read where requests are looked at first.
  std::atomic<int> request_seats_max = 1;
  std::atomic<bool> has_queues;
};

struct Turn : QueuedRequest {
  std::shared_ptr<Level> level = nullptr;
  bool reads = true;
  bool has_slot = false;
  bool is_judged = true;  // It wants a processor no more, but for its answer.
};

class Dispatcher {
 public:
  struct Options {
    int seats = 600;
    int read_slots = 6;
    int write_slots = 24;
    int judging_slots = 24;  // Of them, those that are not judged yet.
    int unsent_max = 8192;  // In any unit.
  };
  Dispatcher(Options options, Duration now);

  // Levels of names that were there before keep what is under way.
  void Configure(std::vector<LevelSpec> specs, Duration now);
  const std::vector<std::shared_ptr<Level>>& levels() const { return levels_; }
  std::shared_ptr<Level> Find(std::string_view name) const;  // Null: none, or it is going.

  QueueSet::Verdict Enqueue(Turn& turn, Duration now);
  Turn* StartNext(Duration now);
  void Remove(Turn& turn, Duration now);
  // It has been judged, and waits for the disk.
  void EndJudging(Turn& turn);
  // It still has its seats, and no worker.
  void LeaveSlot(Turn& turn);
  void Finish(Turn& turn, Duration now);
  // What answers hold until their clients have taken them. Who has more than is left for others
  // begins nothing more.
  void TakeUnsent(const Level& level, uint64_t flow, int count) {
    unsent_.Take(&level, flow, count);
  }
  void GiveUnsent(const Level& level, uint64_t flow, int count) {
    unsent_.Give(&level, flow, count);
  }

  // Due each kAdjustPeriod while it says true: limits follow what was asked for.
  bool Adjust(Duration now);
  // When seats come free by themselves while somebody waits; kNever.
  Duration next_release() const;
  double fair_fraction() const { return fair_fraction_; }

  // What was waiting and worked on, over time: of each level, and of reads and writes.
  struct LevelOverTime {
    std::string name;
    HistogramSample seat_use, waiting, executing, demand;
    QueueSet::Progress progress;
  };
  struct OverTimeFigures {
    std::vector<LevelOverTime> levels;  // Those that are limited.
    HistogramSample reads_waiting, reads_executing, writes_waiting, writes_executing;
  };
  OverTimeFigures OverTime(Duration now);

 private:
  Slots& SlotsOf(const Turn& turn) { return turn.reads ? read_slots_ : write_slots_; }
  bool MayTakeSlot(const Turn& turn);
  void TakeSlot(Turn& turn);
  void NoteDemand(Level& level, Duration now);
  // One more of that kind waits, or one less; likewise of those that are worked on.
  void NoteTurn(const Turn& turn, int waiting, int executing, Duration now);

  const Options options_;
  Slots read_slots_;
  Slots write_slots_;
  Slots judging_slots_;
  Slots unsent_;
  struct Kind {  // Reads, or writes.
    explicit Kind(Duration now) : waiting_part(kReadWriteBounds, now),
                                  executing_part(kReadWriteBounds, now) {}
    int waiting = 0, executing = 0;
    TimedRatio waiting_part, executing_part;
  };
  Kind reads_;
  Kind writes_;
  double queue_volume_ = 0;  // Of all levels.
  std::vector<std::shared_ptr<Level>> levels_;
  std::vector<Level*> scratch_;  // Levels in which somebody waits, in their order.
  double now_pass_ = 0;
  double fair_fraction_ = 0;
};

}  // namespace skiff::flow_control
