#include "kubelet/simulation/simulated_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/values.h"

namespace skiff::kubelet {
namespace {

std::string Line(TimePoint at, const std::string& text) {
  return fmt::format("{} stdout F {}\n", Time(at).Rfc3339Micro(), text);
}

// The command line of the spec; "" where the image's own is run.
std::string CommandOf(const core_v1::Pod& pod, const std::string& name) {
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (const auto& container : *list) {
      if (container.name != name) continue;
      std::vector<std::string> words = container.command;
      words.insert(words.end(), container.args.begin(), container.args.end());
      return fmt::format("{}", fmt::join(words, " "));
    }
  }
  return "";
}

}  // namespace

std::string SimulatedLog(const core_v1::Pod& pod, const cri::ContainerStatus& container) {
  if (container.started_at == TimePoint{}) return "";
  const std::string& name = container.metadata.name;
  const std::string command = CommandOf(pod, name);
  std::string log = Line(container.started_at,
                         fmt::format("simulated container {} of {}/{} started: image {}", name,
                                     pod.metadata.namespace_, pod.metadata.name,
                                     container.image.user_specified_image.empty()
                                         ? container.image.image
                                         : container.image.user_specified_image));
  if (!command.empty()) {
    // A log has one line a line, whatever the command holds.
    std::string shown = command.substr(0, 1024);
    std::replace(shown.begin(), shown.end(), '\n', ' ');
    log += Line(container.started_at, "it stands for: " + shown);
  }
  if (container.state == cri::ContainerState::kExited) {
    log += Line(container.finished_at, fmt::format("exit code {}", container.exit_code));
  }
  return log;
}

std::string ShownLog(std::string_view log, const LogOptions& options) {
  if (options.tail_lines) log.remove_prefix(TailOffset(log, *options.tail_lines));
  std::string text;
  while (!log.empty()) {
    const size_t end = std::min(log.find('\n'), log.size());
    const auto line = ParseLogLine(log.substr(0, end));
    log.remove_prefix(std::min(end + 1, log.size()));
    if (!line) continue;
    const auto at = Time::Parse(line->timestamp);
    if (options.since && at && at->point() < *options.since) continue;
    if (options.timestamps) text += ShownTimestamp(line->timestamp) + " ";
    text.append(line->text) += '\n';
  }
  const auto limit = static_cast<size_t>(std::max<int64_t>(0, options.limit_bytes.value_or(0)));
  if (options.limit_bytes && text.size() > limit) text.resize(limit);
  return text;
}

void SimulatedLogStream::Attach(http::Waker waker) {
  if (container_) container_->OnEnd(std::move(waker));
}

http::Pulled SimulatedLogStream::Pull(size_t, std::vector<http::SharedBytes>& out) {
  // Asked first: what the container said before it ended is read after.
  const bool may_grow = container_ && container_->is_running();
  const std::string log = read_();
  std::string text = ShownLog(std::string_view(log).substr(std::min(read_bytes_, log.size())),
                              options_);
  read_bytes_ = std::max(read_bytes_, log.size());
  options_.tail_lines.reset();  // Of what was there at first.
  if (options_.limit_bytes) *options_.limit_bytes -= static_cast<int64_t>(text.size());
  if (!text.empty()) out.push_back(std::make_shared<const std::string>(std::move(text)));
  return may_grow ? http::Pulled::kIdle : http::Pulled::kEnd;
}

}  // namespace skiff::kubelet
