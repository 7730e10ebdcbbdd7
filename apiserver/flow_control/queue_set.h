// The queues of one priority level, and the seats of those that were let go. Fair queueing as
// Kubernetes has it: each flow is dealt a hand of queues, of which its request takes the one with
// the least work; among queues the one is served whose next request would be finished first if all
// of them were served evenly, a seat-second at a time. What a request really took is put right when
// it is done.
//
//   QueueSet set({.queues = 64, .hand_size = 6, .queue_length_max = 50}, 20, now);
//   if (set.Enqueue(request, now) == QueueSet::Verdict::kWaits) ...
//   while (QueuedRequest* next = set.StartNext(now, may_run)) Begin(*next);
//   set.Finish(request, now);                       // Or Remove, of one that still waits.
//
// A queue is there while it has anything. Whoever configures a level may name millions of them, and
// everybody waits for the lock under which that is done.
//
// Not thread-safe: whoever has several levels has one lock for them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "apiserver/flow_control/work_estimate.h"
#include "base/clock.h"

namespace skiff::flow_control {

// A request as the queues see it; whoever has it keeps it where it is while it waits.
struct QueuedRequest {
  uint64_t flow = 0;  // Equal for requests of one flow.
  Work work;
  // Counts, where there is one, how often it was next and there were no seats for it.
  std::atomic<int64_t>* no_room = nullptr;

  // The set's own.
  Duration arrived = Duration::zero();
  Duration started = Duration::zero();
  double arrival_r = 0;
  int queue = -1;
  bool waits = false;
  QueuedRequest* before = nullptr;
  QueuedRequest* after = nullptr;
};

class QueueSet {
 public:
  // Without queues nobody waits for a seat: who finds none is refused.
  struct Shape {
    int queues = 0;
    int hand_size = 0;
    int queue_length_max = 0;
    bool operator==(const Shape&) const = default;
  };
  enum class Verdict : uint8_t { kWaits, kQueueFull, kConcurrencyLimit };
  // Whether a request may begin as far as others than this set are concerned. Queues whose first
  // one may not are passed over.
  using MayRun = std::function<bool(const QueuedRequest&)>;

  QueueSet(Shape shape, int seats_max, Duration now);

  Verdict Enqueue(QueuedRequest& request, Duration now);
  // Takes the next request out of its queue and gives it its seats; null when none may begin.
  QueuedRequest* StartNext(Duration now, const MayRun& may_run);
  // Of one that was started.
  void Finish(const QueuedRequest& request, Duration now);
  // Of one that waits.
  void Remove(QueuedRequest& request, Duration now);

  // Requests in hand stay where they are.
  void Reshape(Shape shape, Duration now);
  void SetSeats(int seats_max, Duration now);

  const Shape& shape() const { return shape_; }
  int seats_max() const { return seats_max_; }
  int seats_in_use() const { return seats_in_use_; }
  int seats_waited_for() const { return seats_waiting_; }
  int waiting() const { return waiting_; }
  int executing() const { return executing_; }
  int active_queues() const { return active_; }
  // How many wait in that queue.
  int LengthOf(int queue) const;
  // How many may wait in all queues together.
  double queue_volume() const {
    return static_cast<double>(shape_.queues) * shape_.queue_length_max;
  }
  // Virtual time, in seat-seconds: now, when somebody was let go last, when that one began, and of
  // those who wait first in their queues then; less what their queues are at work on.
  struct Progress {
    double current_r = 0;
    double dispatch_r = 0;
    double latest_s = 0;
    double next_s_min = 0, next_s_max = 0;
    double discounted_s_min = 0, discounted_s_max = 0;
  };
  const Progress& progress() const { return progress_; }
  // Nothing waits, is worked on or holds a seat.
  bool idle() const { return waiting_ == 0 && executing_ == 0 && seats_in_use_ == 0; }
  // When seats come free that finished requests hold on to; kNever.
  Duration next_release() const;

  struct QueueState {
    int index = 0;
    int waiting = 0;
    int executing = 0;
    int seats_in_use = 0;
    double next_r = 0;  // Virtual time, in seat-seconds, at which its next request begins.
    int initial_seats = 0;  // Of those that wait, as are the next two.
    int seats = 0;
    double work = 0;
  };
  // Of each queue that requests are dealt to, in order, for people to look at: where there are more
  // than kStatesMax, of those that have anything.
  static constexpr int kStatesMax = 1024;
  std::vector<QueueState> States() const;
  // The queues in which somebody waits, in order.
  std::vector<int> Backlog() const;
  // Those that wait in one queue, first come first.
  std::vector<const QueuedRequest*> WaitingIn(int queue) const;

 private:
  struct Queue : QueueState {
    QueuedRequest* first = nullptr;
    QueuedRequest* last = nullptr;
    uint64_t turn = 0;    // When it was served last: of equals who waited longest is next.
    int in_backlog = -1;  // Where in backlog_.
  };
  struct Release {
    Duration at;
    int queue;
    int seats;
    bool operator>(const Release& other) const { return at > other.at; }
  };

  // Moves virtual time on, and gives back the seats that are due.
  void Sync(Duration now);
  int QueueFor(uint64_t flow);
  bool Fits(int seats) const;
  Queue* FirstToFinish(const MayRun& may_run);
  void NoteDispatch(double start_r);
  void Append(Queue& queue, QueuedRequest& request);
  void Unlink(QueuedRequest& request);
  void CountActive(const Queue& queue, int change);
  void GiveBack(int queue, int seats);
  // One that has nothing any more is gone.
  void DropIfIdle(int queue);
  // The next request of a queue begins no earlier than it came.
  static void BoundNext(Queue& queue);

  Shape shape_;
  int seats_max_;
  Duration synced_;
  double now_r_ = 0;
  Progress progress_;
  std::unordered_map<int, Queue> queues_;  // Those that have anything, by their number.
  std::vector<Queue*> backlog_;            // Those in which somebody waits.
  std::priority_queue<Release, std::vector<Release>, std::greater<>> releases_;
  uint64_t turns_ = 0;
  uint64_t dealt_ = 0;
  int active_ = 0;
  int waiting_ = 0;
  int executing_ = 0;
  int seats_in_use_ = 0;
  int seats_waiting_ = 0;
};

// What a request is taken to last before it is known.
inline constexpr Duration kEstimatedTime = 3ms;

// The queues of a flow's hand, in the order in which they are dealt: distinct ones of `deck`.
// At most kHandMax, whatever `hand_size` says.
inline constexpr int kHandMax = 16;
int DealHand(uint64_t flow, int deck, int hand_size, int (&hand)[kHandMax]);

}  // namespace skiff::flow_control
