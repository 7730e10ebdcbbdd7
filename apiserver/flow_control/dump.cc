// What /debug/api_priority_and_fairness/ shows, in kube-apiserver's columns.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "api/values.h"
#include "apiserver/flow_control/waiter.h"
#include "base/flags.h"

namespace skiff::flow_control {
namespace {

using Row = std::vector<std::string>;

// As Go's tabwriter with cells of at least eight columns, padded by one, that end in a comma.
std::string Aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + 2);
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      text += fmt::format("{:<{}}", row[i] + ",", std::max<size_t>(8, widths[i]));
    }
    text += row.back() + "\n";
  }
  return text;
}

std::string Number(int64_t number) {
  return std::to_string(number);
}
std::string Truth(bool value) {
  return value ? "true" : "false";
}
std::string SeatSeconds(double value) {
  return fmt::format("{:.8f}ss", value);
}

// RFC 3339 with as many digits as it has.
std::string Moment(TimePoint at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  std::string text = Time{TimePoint(seconds)}.Rfc3339();
  std::string digits = fmt::format("{:09}", (at - seconds).count());
  digits.erase(digits.find_last_not_of('0') + 1);
  if (!digits.empty()) text.insert(text.size() - 1, "." + digits);
  return text;
}

void AddDetails(Row& row, const RequestInfo& info, const std::string& user) {
  const std::string version =
      info.group.empty() ? info.version : info.group + "/" + info.version;
  for (const std::string& cell : {user, info.verb, info.path, info.namespace_name, info.name,
                                  version, info.resource, info.subresource}) {
    row.push_back(cell);
  }
}

// The queue, and -1 for a request that has left it or where there are none.
Row RowOf(const ExecutingRequest& request, const std::function<std::string(Duration)>& moment) {
  return {request.target->level->spec.name,
          request.target->schema,
          Number(request.queue),
          "-1",
          request.distinguisher,
          moment(request.arrived),
          Number(request.work.initial_seats),
          Number(request.work.final_seats),
          GoDurationText(request.work.after),
          moment(request.started)};
}

RequestInfo InfoOf(const ExecutingRequest& request) {
  http::Request asked;
  asked.method = request.method;
  asked.path = request.path;
  RequestInfo info = ParseRequestInfo(asked);
  // These may have been said by its query.
  info.verb = request.verb;
  info.name = request.name;
  return info;
}

}  // namespace

std::string Entrance::DumpLevels() {
  std::vector<Row> rows = {{"PriorityLevelName", "ActiveQueues", "IsIdle", "IsQuiescing",
                            "WaitingRequests", "ExecutingRequests", "DispatchedRequests",
                            "RejectedRequests", "TimedoutRequests", "CancelledRequests"}};
  {
    const MutexLock lock(mutex_);
    for (const auto& level : dispatcher_.levels()) {
      const int64_t executing = level->spec.exempt ? level->exempt_executing.load()
                                                   : level->set.executing();
      rows.push_back({level->spec.name, Number(level->set.active_queues()),
                      Truth(executing == 0 && level->set.waiting() == 0), Truth(level->going),
                      Number(level->set.waiting()), Number(executing), Number(level->dispatched),
                      Number(level->rejected), Number(level->timed_out),
                      Number(level->cancelled)});
    }
  }
  std::sort(rows.begin() + 1, rows.end());
  return Aligned(rows);
}

std::string Entrance::DumpQueues() {
  std::vector<Row> rows = {{"PriorityLevelName", "Index", "PendingRequests", "ExecutingRequests",
                            "SeatsInUse", "NextDispatchR", "InitialSeatsSum", "MaxSeatsSum",
                            "TotalWorkSum"}};
  {
    const MutexLock lock(mutex_);
    for (const auto& level : dispatcher_.levels()) {
      for (const QueueSet::QueueState& queue : level->set.States()) {
        rows.push_back({level->spec.name, Number(queue.index), Number(queue.waiting),
                        Number(queue.executing), Number(queue.seats_in_use),
                        SeatSeconds(queue.next_r), Number(queue.initial_seats),
                        Number(queue.seats), SeatSeconds(queue.work)});
      }
    }
  }
  std::stable_sort(rows.begin() + 1, rows.end(),
                   [](const Row& a, const Row& b) { return a.front() < b.front(); });
  return Aligned(rows);
}

std::string Entrance::DumpRequests(bool details) {
  // The name of the column is Kubernetes' own.
  std::vector<Row> rows = {{"PriorityLevelName", "FlowSchemaName", "QueueIndex",
                            "RequestIndexInQueue", "FlowDistingsher", "ArriveTime", "InitialSeats",
                            "FinalSeats", "AdditionalLatency", "StartTime"}};
  if (details) {
    for (const char* column : {"UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion",
                               "Resource", "SubResource"}) {
      rows.front().emplace_back(column);
    }
  }
  const Duration now = clock_.Monotonic();
  const TimePoint wall = clock_.Now();
  const auto moment = [&](Duration at) { return Moment(wall - (now - at)); };
  {
    // A level's specification changes under it.
    const MutexLock lock(mutex_);
    for (const auto& level : dispatcher_.levels()) {
      for (const int queue : level->set.Backlog()) {
        int64_t index = 0;
        for (const QueuedRequest* each : level->set.WaitingIn(queue)) {
          const Waiter& waiter = static_cast<const Waiter&>(*each);
          rows.push_back({level->spec.name, waiter.target->schema,
                          Number(level->spec.shape.queues == 0 ? -1 : queue), Number(index++),
                          waiter.distinguisher, moment(waiter.arrived),
                          Number(waiter.work.initial_seats), Number(waiter.work.final_seats),
                          GoDurationText(waiter.work.after), "0001-01-01T00:00:00Z"});
          if (details) AddDetails(rows.back(), waiter.info, waiter.user);
        }
      }
    }
    for (const ExecutingRequest& each : executing_.All()) {
      rows.push_back(RowOf(each, moment));
      if (details) AddDetails(rows.back(), InfoOf(each), each.user);
    }
  }
  std::stable_sort(rows.begin() + 1, rows.end(),
                   [](const Row& a, const Row& b) { return a.front() < b.front(); });
  return Aligned(rows);
}

}  // namespace skiff::flow_control
