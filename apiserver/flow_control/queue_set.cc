#include "apiserver/flow_control/queue_set.h"

#include <algorithm>
#include <map>
#include <ranges>
#include <utility>

#include "base/error.h"

namespace skiff::flow_control {
namespace {

double SecondsOf(Duration length) {
  return std::chrono::duration<double>(length).count();
}

}  // namespace

int DealHand(uint64_t flow, int deck, int hand_size, int (&hand)[kHandMax]) {
  const int size = std::clamp(hand_size, 1, std::min(deck, kHandMax));
  for (int i = 0; i < size; ++i) {
    const auto left = static_cast<uint64_t>(deck - i);
    // The card's number among those that are left,
    int card = static_cast<int>(flow % left);
    flow /= left;
    // and then in the whole deck: each that was dealt before and lies below moves it up by one.
    int dealt[kHandMax];
    std::copy(hand, hand + i, dealt);
    std::sort(dealt, dealt + i);
    for (int j = 0; j < i && card >= dealt[j]; ++j) ++card;
    hand[i] = card;
  }
  return size;
}

QueueSet::QueueSet(Shape shape, int seats_max, Duration now)
    : shape_(shape), seats_max_(seats_max), synced_(now) {}

Duration QueueSet::next_release() const {
  return releases_.empty() ? kNever : releases_.top().at;
}

void QueueSet::Sync(Duration now) {
  // All who have anything get on evenly, at the rate at which seats are really worked in: where
  // those are fewer than the limit allows, virtual time must not run ahead of the work.
  if (active_ > 0 && now > synced_) {
    now_r_ += SecondsOf(now - synced_) * std::min(seats_in_use_, std::max(seats_max_, 1)) / active_;
  }
  synced_ = std::max(synced_, now);
  progress_.current_r = now_r_;
  while (!releases_.empty() && releases_.top().at <= now) {
    GiveBack(releases_.top().queue, releases_.top().seats);
    releases_.pop();
  }
}

void QueueSet::GiveBack(int queue, int seats) {
  seats_in_use_ -= seats;
  queues_.at(queue).seats_in_use -= seats;
  DropIfIdle(queue);
}

void QueueSet::DropIfIdle(int queue) {
  const auto found = queues_.find(queue);
  const Queue& state = found->second;
  if (state.waiting == 0 && state.executing == 0 && state.seats_in_use == 0) queues_.erase(found);
}

bool QueueSet::Fits(int seats) const {
  // Who wants more than there is gets all there is, once nobody else has any.
  if (seats > seats_max_) return seats_in_use_ == 0;
  return seats_in_use_ + seats <= seats_max_;
}

int QueueSet::QueueFor(uint64_t flow) {
  if (shape_.queues <= 1) return 0;
  int hand[kHandMax];
  const int size = DealHand(flow, shape_.queues, shape_.hand_size, hand);
  // Begun at another card each time, lest flows whose hands overlap meet where both begin.
  const auto offset = static_cast<int>(dealt_++ % static_cast<uint64_t>(size));
  int best = -1;
  double best_work = 0;
  for (int i = 0; i < size; ++i) {
    const int queue = hand[(offset + i) % size];
    const auto found = queues_.find(queue);
    const double work = found == queues_.end() ? 0 : found->second.work;
    if (best >= 0 && work >= best_work) continue;
    best = queue;
    best_work = work;
  }
  return best;
}

QueueSet::Verdict QueueSet::Enqueue(QueuedRequest& request, Duration now) {
  Sync(now);
  if (shape_.queues == 0) {
    // The seats of those that wait for something else are theirs already.
    const int wanted = seats_in_use_ + seats_waiting_ + request.work.seats();
    const bool first = executing_ == 0 && waiting_ == 0;
    if (wanted > seats_max_ && !first) return Verdict::kConcurrencyLimit;
  }
  request.queue = QueueFor(request.flow);
  const auto known = queues_.find(request.queue);
  const int waiting = known == queues_.end() ? 0 : known->second.waiting;
  if (shape_.queues > 0 && waiting >= shape_.queue_length_max) return Verdict::kQueueFull;
  Queue& queue = queues_[request.queue];
  queue.index = request.queue;
  request.arrived = now;
  request.arrival_r = now_r_;
  CountActive(queue, 1);
  if (queue.waiting == 0 && queue.executing == 0) queue.next_r = now_r_;
  Append(queue, request);
  BoundNext(queue);
  return Verdict::kWaits;
}

void QueueSet::CountActive(const Queue& queue, int change) {
  if (queue.waiting == 0 && queue.executing == 0) active_ += change;
}

void QueueSet::Append(Queue& queue, QueuedRequest& request) {
  request.waits = true;
  request.before = queue.last;
  request.after = nullptr;
  (queue.last != nullptr ? queue.last->after : queue.first) = &request;
  queue.last = &request;
  if (queue.waiting++ == 0) {
    queue.in_backlog = static_cast<int>(backlog_.size());
    backlog_.push_back(&queue);
  }
  queue.initial_seats += request.work.initial_seats;
  queue.seats += request.work.seats();
  queue.work += request.work.Total(kEstimatedTime);
  ++waiting_;
  seats_waiting_ += request.work.seats();
}

void QueueSet::Unlink(QueuedRequest& request) {
  Queue& queue = queues_.at(request.queue);
  (request.before != nullptr ? request.before->after : queue.first) = request.after;
  (request.after != nullptr ? request.after->before : queue.last) = request.before;
  request.before = request.after = nullptr;
  request.waits = false;
  if (--queue.waiting == 0) {
    // The last one takes its place.
    const int at = queue.in_backlog;
    backlog_.back()->in_backlog = at;
    backlog_[static_cast<size_t>(at)] = backlog_.back();
    backlog_.pop_back();
    queue.in_backlog = -1;
  }
  queue.initial_seats -= request.work.initial_seats;
  queue.seats -= request.work.seats();
  // Of what is added and taken away in turn nothing may be left over.
  queue.work = queue.waiting == 0 ? 0 : queue.work - request.work.Total(kEstimatedTime);
  --waiting_;
  seats_waiting_ -= request.work.seats();
}

void QueueSet::Remove(QueuedRequest& request, Duration now) {
  Sync(now);
  CHECK(request.waits);
  Unlink(request);
  CountActive(queues_.at(request.queue), -1);
  DropIfIdle(request.queue);
}

QueueSet::Queue* QueueSet::FirstToFinish(const MayRun& may_run) {
  Queue* best = nullptr;
  double best_finish = 0;
  for (Queue* queue : backlog_) {
    const double finish = queue->next_r + queue->first->work.Total(kEstimatedTime);
    const bool better = best == nullptr || finish < best_finish ||
                        (finish == best_finish && queue->turn < best->turn);
    if (!better || !may_run(*queue->first)) continue;
    best = queue;
    best_finish = finish;
  }
  return best;
}

QueuedRequest* QueueSet::StartNext(Duration now, const MayRun& may_run) {
  Sync(now);
  if (waiting_ == 0) return nullptr;
  Queue* queue = FirstToFinish(may_run);
  // Others do not overtake one that waits for many seats: it would wait for ever.
  if (queue == nullptr) return nullptr;
  QueuedRequest& request = *queue->first;
  if (!Fits(request.work.seats())) {
    if (request.no_room != nullptr) ++*request.no_room;
    return nullptr;
  }
  NoteDispatch(queue->next_r);
  Unlink(request);
  request.started = now;
  queue->turn = ++turns_;
  ++queue->executing;
  ++executing_;
  queue->seats_in_use += request.work.seats();
  seats_in_use_ += request.work.seats();
  queue->next_r += request.work.Total(kEstimatedTime);
  BoundNext(*queue);
  return &request;
}

void QueueSet::NoteDispatch(double start_r) {
  progress_.dispatch_r = now_r_;
  progress_.latest_s = start_r;
  bool is_first = true;
  for (const Queue* queue : backlog_) {
    const double next = queue->next_r;
    const double discounted = next - queue->seats_in_use * SecondsOf(kEstimatedTime);
    Progress& all = progress_;
    all.next_s_min = is_first ? next : std::min(all.next_s_min, next);
    all.next_s_max = is_first ? next : std::max(all.next_s_max, next);
    all.discounted_s_min = is_first ? discounted : std::min(all.discounted_s_min, discounted);
    all.discounted_s_max = is_first ? discounted : std::max(all.discounted_s_max, discounted);
    is_first = false;
  }
}

int QueueSet::LengthOf(int queue) const {
  const auto found = queues_.find(queue);
  return found == queues_.end() ? 0 : found->second.waiting;
}

// Who asked for little has saved nothing up.
void QueueSet::BoundNext(Queue& queue) {
  if (queue.first != nullptr) queue.next_r = std::max(queue.next_r, queue.first->arrival_r);
}

void QueueSet::Finish(const QueuedRequest& request, Duration now) {
  Sync(now);
  Queue& queue = queues_.at(request.queue);
  --queue.executing;
  --executing_;
  const double estimate_off = SecondsOf(kEstimatedTime - (now - request.started));
  queue.next_r -= request.work.initial_seats * estimate_off;
  BoundNext(queue);
  CountActive(queue, -1);
  if (request.work.after > Duration::zero()) {
    releases_.push({now + request.work.after, request.queue, request.work.seats()});
  } else {
    GiveBack(request.queue, request.work.seats());
  }
}

void QueueSet::Reshape(Shape shape, Duration now) {
  Sync(now);
  shape_ = shape;
}

void QueueSet::SetSeats(int seats_max, Duration now) {
  Sync(now);
  seats_max_ = seats_max;
}

std::vector<QueueSet::QueueState> QueueSet::States() const {
  if (shape_.queues == 0) return {};
  std::map<int, QueueState> states;
  for (int i = 0; i < shape_.queues && shape_.queues <= kStatesMax; ++i) states[i].index = i;
  for (const auto& [index, queue] : queues_) states[index] = queue;
  const auto in_order = std::views::values(states);
  return {in_order.begin(), in_order.end()};
}

std::vector<int> QueueSet::Backlog() const {
  std::vector<int> queues;
  for (const Queue* queue : backlog_) queues.push_back(queue->index);
  std::ranges::sort(queues);
  return queues;
}

std::vector<const QueuedRequest*> QueueSet::WaitingIn(int queue) const {
  std::vector<const QueuedRequest*> found;
  const auto at = queues_.find(queue);
  if (at == queues_.end()) return found;
  for (const auto* each = at->second.first; each != nullptr; each = each->after) {
    found.push_back(each);
  }
  return found;
}

}  // namespace skiff::flow_control
