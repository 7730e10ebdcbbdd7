// One thread, one completion queue. The life of a stream:
//
//   Subscribe ──► publish a mark ──► the mark comes back ──► kResync ──► events ... ──► broken
//                  └── again every kMarkAgain ──┘                                        │
//   ▲────────────────────────────── back-off ────────────────────────────────────────────┘
//
// containerd does not say when a subscription has taken effect. The mark does: it is an event of
// our own, and what happens after it is seen too.
#include "kubelet/cri_grpc_events.h"

#include <grpcpp/completion_queue.h>

#include <algorithm>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/id.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/cri_grpc_channel.h"
#include "kubelet/proto/containerd_events.pb.h"
#include "kubelet/proto/containerd_events_service.grpc.pb.h"

namespace skiff::cri {
namespace {

namespace events = ::containerd::services::events::v1;

constexpr Duration kMarkAgain = 50ms;
constexpr Duration kRetryFirst = 50ms;
constexpr Duration kPublishTimeout = 1s;
// Without events, how often to look.
constexpr Duration kResyncPeriod = 1s;
// containerd's CRI learns of an exit by the same event and writes it down a few milliseconds later;
// on a machine that has far too much to do, seconds later. An event waits until its status can be
// seen, and meanwhile it is looked for so often.
constexpr Duration kSettleFirst = 2ms;
constexpr Duration kSettleStepMax = 1s;
// Whose status does not come is told all the same, and looked for no more.
constexpr Duration kSettleMax = 10min;

constexpr char kMarkTopic[] = "/skiff/subscribed";

enum Tag : intptr_t { kStartTag = 1, kReadTag, kFinishTag };

void* AsTag(Tag tag) {
  return reinterpret_cast<void*>(static_cast<intptr_t>(tag));
}

// An event whose status does not show yet what it says.
struct Unsettled {
  Event event;
  Duration since;
  Duration next;  // When it is looked for.
  Duration wait;
};

class EventStream final : public Subscription {
 public:
  EventStream(const std::string& endpoint, ContainerRuntime& runtime,
              std::function<void(const Event&)> callback)
      : runtime_(runtime),
        callback_(std::move(callback)),
        stub_(events::Events::NewStub(OpenChannel(endpoint))),
        mark_(SystemRandom().Uid()),
        thread_([this](std::stop_token stop) { Run(stop); }) {}

  ~EventStream() override {
    thread_.request_stop();
    thread_.join();
  }

 private:
  void Run(std::stop_token stop) {
    Duration wait = kRetryFirst;
    bool was_broken = false;
    while (!stop.stop_requested()) {
      live_ = false;
      const grpc::Status status = Follow(stop);
      if (stop.stop_requested()) return;
      if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
        callback_({.what = Event::What::kResync});
        Wait(stop, kResyncPeriod);
        continue;
      }
      if (live_) wait = kRetryFirst;
      if (live_ || !was_broken) {
        log_.Info("runtime events interrupted", {{"error", status.error_message()}});
      }
      was_broken = true;
      Wait(stop, wait);
      wait = std::min(wait * 2, kReconnectMax);
    }
  }

  // Waits until `length` has passed or stop is requested.
  void Wait(std::stop_token stop, Duration length) {
    const std::stop_callback tell(stop, [this] {
      MutexLock lock(mutex_);
      stopped_.notify_all();
    });
    MutexLock lock(mutex_);
    stopped_.wait_for(lock, length, [&stop] { return stop.stop_requested(); });
  }

  // Follows one stream from its start to its end.
  grpc::Status Follow(std::stop_token stop) {
    grpc::ClientContext context;
    InContainerdNamespace(context);
    events::SubscribeRequest request;
    for (const char* topic : {"/tasks/start", "/tasks/exit", "/tasks/oom", "/containers/create",
                              "/containers/delete", kMarkTopic}) {
      request.add_filters("namespace==" + std::string(kContainerdNamespace) + ",topic==\"" + topic +
                          "\"");
    }
    grpc::CompletionQueue queue;
    const auto reader = stub_->PrepareAsyncSubscribe(&context, request, &queue);
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    reader->StartCall(AsTag(kStartTag));
    grpc::Status status;
    events::Envelope envelope;
    while (true) {
      void* tag = nullptr;
      bool ok = false;
      const auto next = queue.AsyncNext(&tag, &ok, NextLook());
      if (next == grpc::CompletionQueue::TIMEOUT) {
        if (!live_) PublishMark();
        TellSettled(stop);
        continue;
      }
      if (tag == AsTag(kFinishTag)) break;
      if (!ok) {
        reader->Finish(&status, AsTag(kFinishTag));
        continue;
      }
      if (tag == AsTag(kReadTag)) Take(envelope);
      TellSettled(stop);
      reader->Read(&envelope, AsTag(kReadTag));
    }
    queue.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
    }
    unsettled_.clear();  // The next stream begins with a resync.
    return status;
  }

  void PublishMark() {
    grpc::ClientContext context;
    InContainerdNamespace(context);
    SetTimeout(context, kPublishTimeout);
    events::PublishRequest request;
    request.set_topic(kMarkTopic);
    request.mutable_event()->set_type_url("skiff.Subscribed");
    request.mutable_event()->set_value(mark_);
    ::containerd::types::Empty response;
    // A failure shows on the stream too; the next one is tried soon.
    (void)stub_->Publish(&context, request, &response);
  }

  void Take(const events::Envelope& envelope) {
    const std::string& topic = envelope.topic();
    const std::string& bytes = envelope.event().value();
    if (topic == kMarkTopic) {
      if (bytes != mark_ || live_) return;
      live_ = true;
      callback_({.what = Event::What::kResync});
      return;
    }
    if (!live_) return;  // The resync to come covers it.
    Event event;
    if (topic == "/tasks/exit") {
      ::containerd::events::TaskExit exit;
      // An exec's process has an id of its own.
      if (!exit.ParseFromString(bytes) || exit.id() != exit.container_id()) return;
      event = {Event::What::kExited, exit.container_id(), exit.exit_status()};
    } else if (topic == "/tasks/start") {
      ::containerd::events::TaskStart start;
      if (!start.ParseFromString(bytes)) return;
      event = {Event::What::kStarted, start.container_id()};
    } else if (topic == "/tasks/oom") {
      ::containerd::events::TaskOOM oom;
      if (!oom.ParseFromString(bytes)) return;
      event = {Event::What::kOom, oom.container_id()};
    } else {
      ::containerd::events::ContainerChange change;
      if (!change.ParseFromString(bytes)) return;
      const bool created = topic == "/containers/create";
      event = {created ? Event::What::kCreated : Event::What::kDeleted, change.id()};
    }
    if (IsVisible(event)) return callback_(event);
    const Duration now = clock_.Monotonic();
    unsettled_.push_back({.event = std::move(event),
                          .since = now,
                          .next = now + kSettleFirst,
                          .wait = kSettleFirst});
  }

  // When something is to be done without an event.
  std::chrono::system_clock::time_point NextLook() {
    if (!live_) return std::chrono::system_clock::now() + kMarkAgain;
    if (unsettled_.empty()) return std::chrono::system_clock::time_point::max();
    const auto first = std::min_element(
        unsettled_.begin(), unsettled_.end(),
        [](const Unsettled& one, const Unsettled& other) { return one.next < other.next; });
    return std::chrono::system_clock::now() +
           std::max(first->next - clock_.Monotonic(), Duration::zero());
  }

  // Tells of the events whose turn it is and whose status shows by now what they say.
  void TellSettled(const std::stop_token& stop) {
    std::erase_if(unsettled_, [&](Unsettled& each) {
      const Duration now = clock_.Monotonic();
      if (stop.stop_requested() || now < each.next) return false;
      if (IsVisible(each.event) || now - each.since > kSettleMax) {
        callback_(each.event);
        return true;
      }
      each.wait = std::min(each.wait * 2, kSettleStepMax);
      each.next = now + each.wait;
      return false;
    });
  }

  // Whether a status shows what the event says. The others say nothing that a status shows.
  bool IsVisible(const Event& event) {
    if (event.what != Event::What::kExited && event.what != Event::What::kStarted) return true;
    const bool exited = event.what == Event::What::kExited;
    if (const auto status = runtime_.ContainerStatus(event.id)) {
      return exited ? status->state == ContainerState::kExited
                    : status->state != ContainerState::kCreated;
    } else if (status.error().reason != Reason::kNotFound) {
      return true;  // Nothing will be seen by waiting; the subscriber meets the same error.
    }
    const auto sandbox = runtime_.PodSandboxStatus(event.id);
    return !sandbox || !exited || sandbox->state == SandboxState::kNotReady;
  }

  ContainerRuntime& runtime_;
  const std::function<void(const Event&)> callback_;
  const std::unique_ptr<events::Events::Stub> stub_;
  const std::string mark_;  // Ours among those of other subscribers.
  const Log log_{"cri"};
  SystemClock clock_;
  // Of the thread; at most two of a container that is there.
  std::vector<Unsettled> unsettled_;
  bool live_ = false;  // Of the thread: the mark has been seen on this stream.
  Mutex mutex_;
  CondVar stopped_;
  std::jthread thread_;  // Last, so that everything it uses exists before and after it.
};

}  // namespace

std::unique_ptr<Subscription> SubscribeToContainerd(const std::string& endpoint,
                                                    ContainerRuntime& runtime,
                                                    std::function<void(const Event&)> callback) {
  return std::make_unique<EventStream>(endpoint, runtime, std::move(callback));
}

}  // namespace skiff::cri
