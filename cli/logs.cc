#include <algorithm>
#include <chrono>
#include <functional>

#include "api/text/go_text.h"
#include "cli/json_text.h"
#include "cli/rollout.h"
#include "cli/selection.h"
#include "cli/session.h"
#include "cli/streams.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

struct LogFlags {
  std::string container;
  std::string selector;
  std::string since_time;
  Duration since = Duration(0);
  int tail = -1;
  bool is_tail_given = false;
  int limit_bytes = 0;
  int max_log_requests = 5;
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  bool all_containers = false;
  bool all_pods = false;
  bool prefix = false;
  bool ignore_errors = false;
  bool insecure_backend = false;
  Duration pod_running_timeout = 20s;

  void AddTo(Command& command);
  Result<> Check(const Command& command) const;
};

void LogFlags::AddTo(Command& command) {
  command.Flag("container,c", container, "Print the logs of this container.");
  command.Flag("selector,l", selector, "Selector (label query) to filter on.");
  command.Flag("since-time", since_time, "Only return logs after a date (RFC3339).");
  command.Flag("since", since, "Only return logs newer than a relative duration.");
  command.Flag("tail", tail, "Lines of recent log to display; -1 shows all.");
  command.Flag("limit-bytes", limit_bytes, "Maximum bytes of logs to return.");
  command.Flag("max-log-requests", max_log_requests, "Concurrent logs to follow with -l.");
  command.Flag("follow,f", follow, "Stream the logs.");
  command.Flag("previous,p", previous, "Logs of the previous instance of the container.");
  command.Flag("timestamps", timestamps, "Include timestamps on each line.");
  command.Flag("all-containers", all_containers, "Logs of all containers of the pods.");
  command.Flag("all-pods", all_pods, "Logs of all pods of the object.");
  command.Flag("prefix", prefix, "Prefix each line with the source.");
  command.Flag("ignore-errors", ignore_errors, "Go on when a log cannot be read.");
  command.Flag("insecure-skip-tls-verify-backend", insecure_backend,
               "Do not check the kubelet's certificate.");
  command.Flag("pod-running-timeout", pod_running_timeout, "How long to wait for a pod.");
}

Result<> LogFlags::Check(const Command& command) const {
  if (tail < -1) return CliError("--tail must be greater than or equal to -1");
  if (since < Duration(0)) return CliError("--since must be greater than 0");
  if (limit_bytes < 0) {
    return CliError("--limit-bytes must be greater than 0");
  }
  if (const auto time = Time::Parse(since_time); !since_time.empty() && !time) {
    return CliError(time.error().message);
  }
  if (!since_time.empty() && since > Duration(0)) {
    return CliError("at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  if (all_containers && !container.empty()) {
    return CliError("--all-containers=true should not be specified with container name " +
                    container);
  }
  if (pod_running_timeout <= Duration(0)) {
    return CliError("--pod-running-timeout must be higher than zero");
  }
  if (command.words().size() > 1 && !container.empty()) {
    return CliError("only one of -c or an inline [CONTAINER] arg is allowed");
  }
  return {};
}

struct LogSource {
  ObjectKey pod;
  std::string container;
  // "[pod/web/nginx] "
  std::string Prefix() const { return fmt::format("[pod/{}/{}] ", pod.name, container); }
};

Query QueryFor(const LogFlags& flags, const LogSource& source, bool by_selector) {
  Query query = {{"container", source.container}};
  if (flags.follow) query.emplace_back("follow", "true");
  if (flags.previous) query.emplace_back("previous", "true");
  if (flags.timestamps) query.emplace_back("timestamps", "true");
  if (flags.since > Duration(0)) {
    // To the nearest, as kubectl, but for what is not even half of one.
    const auto seconds = std::chrono::floor<std::chrono::seconds>(flags.since + 500ms).count();
    query.emplace_back("sinceSeconds", std::to_string(std::max<int64_t>(seconds, 1)));
  }
  if (!flags.since_time.empty()) query.emplace_back("sinceTime", flags.since_time);
  constexpr int kLinesOfSelected = 10;
  const int tail = by_selector && !flags.is_tail_given ? kLinesOfSelected : flags.tail;
  if (tail >= 0) query.emplace_back("tailLines", std::to_string(tail));
  if (flags.limit_bytes > 0) query.emplace_back("limitBytes", std::to_string(flags.limit_bytes));
  if (flags.insecure_backend) query.emplace_back("insecureSkipTLSVerifyBackend", "true");
  return query;
}

// Puts a prefix in front of each line.
class LinePrinter {
 public:
  // `is_one_of_several`: others print at the same time, so that lines come whole.
  LinePrinter(Environment& environment, std::string prefix, bool is_one_of_several)
      : environment_(environment),
        prefix_(std::move(prefix)),
        is_one_of_several_(is_one_of_several) {}
  bool IsLost() const { return environment_.EndsForOutput(); }
  void Print(std::string_view text) {
    if (!is_one_of_several_) return Put(text);
    rest_ += text;
    size_t whole = rest_.rfind('\n') + 1;  // 0: there is no end of a line.
    if (rest_.size() - whole > kLineBytesMax) whole = rest_.size();
    Put(std::string_view(rest_).substr(0, whole));
    rest_.erase(0, whole);
  }
  // What has come behind the end of the last line.
  void Finish() {
    Put(rest_);
    rest_.clear();
  }

 private:
  static constexpr size_t kLineBytesMax = 1 << 20;  // Longer ones come in pieces.

  void Put(std::string_view text) {
    if (text.empty()) return;
    if (prefix_.empty()) return environment_.out(text);
    std::string out;
    for (const char c : text) {
      if (at_line_start_) out += prefix_;
      at_line_start_ = c == '\n';
      out += c;
    }
    environment_.out(out);
  }

  Environment& environment_;
  const std::string prefix_;
  const bool is_one_of_several_;
  std::string rest_;
  bool at_line_start_ = true;
};

// Several followed logs; one thread waits for all of them.
class FollowedLogs {
 public:
  void Add(std::unique_ptr<http::StreamSource> source, LinePrinter printer) {
    source->Attach([signal = signal_] {
      const MutexLock lock(signal->mutex);
      signal->woken = true;
      signal->changed.notify_all();
    });
    logs_.push_back(std::make_unique<Log>(Log{std::move(source), std::move(printer)}));
  }
  using Tell = std::function<Result<>(Error)>;
  // Until all have ended, or nobody gets what is printed. `tell` is called for each that is cut, or
  // takes longer than `limit`, and says whether to go on.
  Result<> Run(Duration limit, const Tell& tell) {
    const auto deadline = std::chrono::steady_clock::now() + std::min<Duration>(limit, 24h * 365);
    while (!logs_.empty()) {
      bool more = false;
      for (size_t i = 0; i < logs_.size();) {
        std::vector<http::SharedBytes> chunks;
        const http::Pulled pulled = logs_[i]->source->Pull(kChunkBytes, chunks);
        for (const http::SharedBytes& chunk : chunks) logs_[i]->printer.Print(*chunk);
        if (logs_[i]->printer.IsLost()) return {};
        more |= pulled == http::Pulled::kMore;
        if (pulled == http::Pulled::kEnd || pulled == http::Pulled::kAbort) {
          logs_[i]->printer.Finish();
          if (pulled == http::Pulled::kAbort) TRY(tell(CliError("unexpected EOF").value()));
          logs_.erase(logs_.begin() + static_cast<long>(i));
        } else {
          ++i;
        }
      }
      if (logs_.empty()) break;
      if (std::chrono::steady_clock::now() >= deadline) return EndAll(tell);
      if (more) continue;
      MutexLock lock(signal_->mutex);
      while (!signal_->woken) {
        const auto waited = signal_->changed.wait_until(lock, deadline);
        if (waited == std::cv_status::timeout) break;  // Looks once more, and ends.
      }
      signal_->woken = false;
    }
    return {};
  }

 private:
  static constexpr size_t kChunkBytes = 64 << 10;
  Result<> EndAll(const Tell& tell) {
    for (const auto& log : logs_) {
      log->printer.Finish();
      TRY(tell(BodyTookTooLong()));
    }
    return {};
  }
  struct Signal {
    Mutex mutex;
    CondVar changed;
    bool woken GUARDED_BY(mutex) = true;
  };
  struct Log {
    std::unique_ptr<http::StreamSource> source;
    LinePrinter printer;
  };
  const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::vector<std::unique_ptr<Log>> logs_;
};

// What is not there is told with where it was looked for.
Error InNamespace(const Error& error, const Session& session) {
  if (error.reason != Reason::kNotFound) return error;
  return CliError(fmt::format("error from server (NotFound): {} in namespace \"{}\"", error.message,
                              session.namespace_()))
      .value();
}

Result<std::vector<Json>> FindPods(Command& command, const LogFlags& flags) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("pods"));
  std::string selector = flags.selector;
  // A word alone is a pod's name, here too.
  const bool of_object = selector.empty() && command.words()[0].find('/') != std::string::npos;
  if (of_object && flags.all_pods) {
    const Selections selections = TRY(ParseSelections(command, {command.words()[0]}));
    const Selection& selection = selections.items[0];
    const auto owner = session.api().Get(selection.kind.resource,
                                         {session.NamespaceFor(selection.kind.resource),
                                          selection.names.empty() ? "" : selection.names[0]});
    if (!owner) return Fail(InNamespace(owner.error(), session));
    TRY(RequireOwnKind(command, selection.kind));
    selector = SelectorText(At(*owner, "spec", "selector"));
  }
  if (selector.empty()) {
    auto pod = FindPod(command, command.words()[0], PodUse::kLogs, flags.pod_running_timeout);
    if (pod) return std::vector<Json>{std::move(*pod)};
    return Fail(InNamespace(pod.error(), session));
  }
  ListOptions options;
  options.namespace_ = session.namespace_();
  options.label_selector = selector;
  auto found = session.api().List(kind.resource, options);
  if (!found) return Fail(WithList(found.error(), kind.resource, {.labels = selector}));
  JsonList list = std::move(*found);
  if (list.items.empty() && of_object) {  // One is awaited, as without --all-pods.
    auto pod = FindPod(command, command.words()[0], PodUse::kLogs, flags.pod_running_timeout);
    if (!pod) return Fail(InNamespace(pod.error(), session));
    list.items.push_back(std::move(*pod));
  }
  if (list.items.empty()) {
    command.Warn("No resources found in {} namespace.\n", session.namespace_());
  }
  return std::move(list.items);
}

// Where the container that the pod's annotation names is none of its own.
void WarnOfMissingDefault(Command& command, const Json& pod) {
  const std::string name =
      TextAt(pod, "metadata", "annotations", "kubectl.kubernetes.io/default-container");
  if (name.empty()) return;
  for (const char* list : {"containers", "ephemeralContainers", "initContainers"}) {
    for (const Json& container : At(pod, "spec", list)) {
      if (TextAt(container, "name") == name) return;
    }
  }
  command.Warn("Default container name {} not found in pod {}\n", GoQuote(name), NameOf(pod));
}

Result<std::vector<LogSource>> SourcesOf(Command& command, const LogFlags& flags,
                                         const std::vector<Json>& pods) {
  std::vector<LogSource> sources;
  const std::string named = command.words().size() > 1 ? command.words()[1] : flags.container;
  for (const Json& pod : pods) {
    const ObjectKey key = {NamespaceOf(pod), NameOf(pod)};
    if (flags.all_containers) {
      for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
        for (const Json& container : At(pod, "spec", list)) {
          sources.push_back({key, TextAt(container, "name")});
        }
      }
      continue;
    }
    if (named.empty()) WarnOfMissingDefault(command, pod);
    std::string container = TRY(ChooseContainer(
        command, pod, named, "container {0} is not valid for pod {1}", /*quiet=*/flags.all_pods));
    sources.push_back({key, std::move(container)});
  }
  return sources;
}

// One after the other, or at once those that are followed.
Result<> PrintLogs(Command& command, const LogFlags& flags, const std::vector<LogSource>& sources) {
  Session& session = *TRY(command.session());
  const auto tell = [&](Error error) -> Result<> {
    if (!flags.ignore_errors) return Fail(std::move(error));
    command.Print("error: {}\n", error.message);
    return {};
  };
  FollowedLogs followed;
  for (const LogSource& source : sources) {
    const std::string path =
        fmt::format("/api/v1/namespaces/{}/pods/{}/log", source.pod.namespace_, source.pod.name);
    Query query = QueryFor(flags, source, !flags.selector.empty());
    LinePrinter printer(command.environment(), flags.prefix ? source.Prefix() : "",
                        flags.follow && sources.size() > 1);
    if (!flags.follow) {
      const auto whole =
          session.api().GetPieces(path, std::move(query), session.request_limit(),
                                  [&](std::string_view text) { printer.Print(text); });
      if (!whole) TRY(tell(whole.error()));
      if (printer.IsLost()) return {};
      continue;
    }
    auto stream = session.api().GetStream(path, std::move(query), "*/*");
    // 204: there is nothing that could go on.
    if (stream) {
      followed.Add(std::move(*stream), std::move(printer));
    } else if (stream.error().http_code != 204) {
      TRY(tell(stream.error()));
    }
  }
  return followed.Run(session.request_limit(), tell);
}

}  // namespace

Result<> RunLogs(Command& command, const Args& args) {
  LogFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  if ((command.words().empty() && flags.selector.empty()) || command.words().size() > 2) {
    return command.UsageError(
        "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a "
        "required argument for the logs command");
  }
  if (!command.words().empty() && !flags.selector.empty()) {
    return command.UsageError("only a selector (-l) or a POD name is allowed");
  }
  TRY(flags.Check(command));
  flags.is_tail_given = command.Given("tail");
  if (!command.words().empty() && command.words()[0].empty()) return NothingNamed();
  if (flags.all_pods) flags.prefix = true;
  const auto pods = TRY(FindPods(command, flags));
  const auto sources = TRY(SourcesOf(command, flags, pods));
  if (flags.follow && sources.size() > 1 &&
      sources.size() > static_cast<size_t>(std::max(flags.max_log_requests, 0))) {
    return CliError(fmt::format(
        "you are attempting to follow {} log streams, but maximum allowed concurrency is {}, use "
        "--max-log-requests to increase the limit",
        sources.size(), flags.max_log_requests));
  }
  return PrintLogs(command, flags, sources);
}

}  // namespace skiff::cli
