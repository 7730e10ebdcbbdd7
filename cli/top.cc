// `top node|pod`: what is used, from the metrics API where something serves it.
#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "api/select/selector.h"
#include "api/text/time_text.h"
#include "api/values.h"
#include "base/seconds.h"
#include "cli/get.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/tab_writer.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

constexpr char kMetrics[] = "/apis/metrics.k8s.io/v1beta1";

struct TopFlags {
  SelectorFlags selectors;
  std::string sort_by;
  bool no_headers = false;
  bool protocol_buffers = true;
  bool show_capacity = false;
  bool containers = false;
  bool sum = false;
  bool show_swap = false;

  void AddTo(Command& command) {
    command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
    command.Flag("sort-by", sort_by, "cpu or memory.");
    command.Flag("no-headers", no_headers, "Print output without headers.");
    command.Flag("use-protocol-buffers", protocol_buffers, "Has no effect here: JSON is spoken.");
    command.Flag("show-swap", show_swap, "Print what is used of the swap, too.");
  }
  Result<> Check(const Command& command) const {
    if (!sort_by.empty() && sort_by != "cpu" && sort_by != "memory") {
      return CliError("--sort-by accepts only cpu or memory");
    }
    if (command.words().size() > 1) {
      return command.UsageError(command.verb().substr(4) + " [NAME | -l label]");
    }
    const bool named = !command.words().empty() && !command.words()[0].empty();
    if (named && !(selectors.labels.empty() && selectors.fields.empty())) {
      return CliError(fmt::format("only one of NAME or {}selector can be provided",
                                  command.verb() == "top pod" ? "" : "--"));
    }
    // Of metrics kubectl reads the selector itself, and does not leave that to the server.
    if (const auto read = LabelSelector::Parse(selectors.labels); !read) {
      return CliError(read.error().message);
    }
    if (const auto read = FieldSelector::Parse(selectors.fields); !read) {
      return CliError(read.error().message);
    }
    return {};
  }
};

struct Usage {
  int64_t cpu = 0;     // Thousandths of a core.
  int64_t memory = 0;  // Bytes.
  std::optional<int64_t> swap;  // Bytes, where somebody says so.
};

Usage UsageOf(const Json& amounts) {
  Usage usage;
  if (const auto cpu = Quantity::Parse(PlainText(At(amounts, "cpu"))))
    usage.cpu = cpu->MilliValue();
  if (const auto memory = Quantity::Parse(PlainText(At(amounts, "memory")))) {
    usage.memory = memory->Value();
  }
  if (const auto swap = Quantity::Parse(PlainText(At(amounts, "swap")))) {
    usage.swap = swap->Value();
  }
  return usage;
}

// The column of it, with what stands before.
std::string SwapText(const Usage& usage) {
  return fmt::format("\t{}Mi", usage.swap.value_or(0) / (1 << 20));
}

std::string CpuText(const Usage& usage) {
  return fmt::format("{}m", usage.cpu);
}
std::string MemoryText(const Usage& usage) {
  return fmt::format("{}Mi", usage.memory / (1 << 20));
}
std::string Share(int64_t part, int64_t whole) {
  return whole <= 0 ? "<unknown>" : fmt::format("{}%", part * 100 / whole);
}

// Of a node, whose swap its own status says.
std::string NodeSwapText(const Usage& usage, const Json& node) {
  const Json& capacity = At(node, "status", "nodeInfo");
  const Json& whole = At(At(capacity, "swap"), "capacity");
  const bool is_known = usage.swap && whole.is_number_integer();
  if (!is_known) return "\t<unknown>\t<unknown>";
  return SwapText(usage) + "\t" + Share(*usage.swap, whole.get<int64_t>());
}

struct Row {
  std::string namespace_;
  std::string name;
  std::string container;
  Usage usage;
};

void Sort(std::vector<Row>& rows, const std::string& by) {
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    if (by == "cpu") return a.usage.cpu > b.usage.cpu;
    if (by == "memory") return a.usage.memory > b.usage.memory;
    return std::tie(a.namespace_, a.name, a.container) <
           std::tie(b.namespace_, b.name, b.container);
  });
}

// The metrics of one object or of all; "Metrics API not available" where nothing serves them.
Result<std::vector<Json>> ReadMetrics(Command& command, const TopFlags& flags,
                                      const std::string& path) {
  Session& session = *TRY(command.session());
  const Json groups = TRY(session.api().Get("/apis", Query()));
  bool served = false;
  for (const Json& group : At(groups, "groups"))
    served |= TextAt(group, "name") == "metrics.k8s.io";
  if (!served) return CliError("Metrics API not available");
  Query query;
  if (!flags.selectors.labels.empty()) query.emplace_back("labelSelector", flags.selectors.labels);
  if (!flags.selectors.fields.empty()) query.emplace_back("fieldSelector", flags.selectors.fields);
  // A name that is "" names nothing, as it may be of a variable that is not set.
  if (!command.words().empty() && !command.words()[0].empty()) {
    return std::vector<Json> {
      TRY(session.api().Get(path + "/" + command.words()[0], query))
    };
  }
  const Json list = TRY(session.api().Get(path, query));
  const Json& items = At(list, "items");
  return items.is_array() ? std::vector<Json>(items.begin(), items.end()) : std::vector<Json>();
}

// The node named, or all that are selected, by name.
Result<std::map<std::string, Json>> ReadNodes(Command& command, const TopFlags& flags) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("nodes"));
  std::map<std::string, Json> nodes;
  if (!command.words().empty() && !command.words()[0].empty()) {
    const std::string& name = command.words()[0];
    nodes[name] = TRY(session.api().Get(kind.resource, {"", name}));
    return nodes;
  }
  auto list = TRY(session.api().List(kind.resource, {.label_selector = flags.selectors.labels}));
  for (Json& node : list.items) {
    std::string name = NameOf(node);
    nodes.emplace(std::move(name), std::move(node));
  }
  return nodes;
}

// With what kubectl need not know: our own server measures nothing that nobody asks for.
tl::unexpected<Error> NotMeasured(Command& command, const std::string& what) {
  if (command.environment().program == "kubectl") return CliError(what);
  return CliError(what +
                  "\nA cluster of skiff is measured from the first question on: ask again in 15s");
}

Result<> RunTopNode(Command& command, const Args& args) {
  TopFlags flags;
  flags.AddTo(command);
  command.Flag("show-capacity", flags.show_capacity, "Shares of the capacity, not of the rest.");
  TRY(command.Parse(args));
  TRY(flags.Check(command));
  const auto metrics = TRY(ReadMetrics(command, flags, std::string(kMetrics) + "/nodes"));
  if (metrics.empty()) return NotMeasured(command, "metrics not available yet");
  auto nodes = TRY(ReadNodes(command, flags));
  std::vector<Row> rows;
  for (const Json& each : metrics)
    rows.push_back({"", NameOf(each), "", UsageOf(At(each, "usage"))});
  Sort(rows, flags.sort_by);
  TabWriter table = MakeTableWriter();
  if (!flags.no_headers) table.Write(fmt::format(
      "NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%){}\t\n",
      flags.show_swap ? "\tSWAP(bytes)\tSWAP(%)" : ""));
  for (const Row& row : rows) {
    const Json node = nodes[row.name];
    const Usage all = UsageOf(At(node, "status", flags.show_capacity ? "capacity" : "allocatable"));
    table.Write(fmt::format("{}\t{}\t{}\t{}\t{}{}\t\n", row.name, CpuText(row.usage),
                            Share(row.usage.cpu, all.cpu), MemoryText(row.usage),
                            Share(row.usage.memory, all.memory),
                            flags.show_swap ? NodeSwapText(row.usage, node) : ""));
    nodes.erase(row.name);
  }
  // Of which nobody could tell what is used.
  constexpr char kUnknown[] = "\t<unknown>\t<unknown>";
  for (const auto& [name, node] : nodes) {
    table.Write(name + kUnknown + kUnknown + (flags.show_swap ? kUnknown : "") + "\t\n");
  }
  command.environment().out(table.Flush());
  return {};
}

// In the order in which they are to be printed; containers stay with their pod.
std::vector<Row> PodRows(const std::vector<Json>& metrics, bool by_container,
                         const std::string& sort_by) {
  std::vector<Row> pods;
  std::map<std::pair<std::string, std::string>, std::vector<Row>> containers;
  for (const Json& pod : metrics) {
    Row whole{NamespaceOf(pod), NameOf(pod), "", {}};
    std::vector<Row>& own = containers[{whole.namespace_, whole.name}];
    for (const Json& container : At(pod, "containers")) {
      const Usage usage = UsageOf(At(container, "usage"));
      whole.usage.cpu += usage.cpu;
      whole.usage.memory += usage.memory;
      if (usage.swap) whole.usage.swap = whole.usage.swap.value_or(0) + *usage.swap;
      own.push_back({whole.namespace_, whole.name, TextAt(container, "name"), usage});
    }
    pods.push_back(std::move(whole));
  }
  Sort(pods, sort_by);
  if (!by_container) return pods;
  std::vector<Row> rows;
  for (const Row& pod : pods) {
    std::vector<Row>& own = containers[{pod.namespace_, pod.name}];
    Sort(own, sort_by);
    rows.insert(rows.end(), own.begin(), own.end());
  }
  return rows;
}

// Where no pod has metrics: pods that are there get them soon, or should have had them long ago.
Result<> RequireNoPods(Command& command, const TopFlags& flags, const std::string& namespace_) {
  constexpr Duration kDelay = 2min;
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("pods"));
  const auto pods =
      TRY(session.api().List(kind.resource, {.namespace_ = namespace_,
                                             .label_selector = flags.selectors.labels,
                                             .field_selector = flags.selectors.fields}));
  for (const Json& pod : pods.items) {
    const auto created = Time::Parse(TextAt(pod, "metadata", "creationTimestamp"));
    const Duration age =
        created ? Between(created->point(), command.environment().clock.Now()) : Duration(0);
    if (age <= kDelay) continue;
    return NotMeasured(command,
                       fmt::format("Metrics not available for pod {}/{}, age: {}", NamespaceOf(pod),
                                   NameOf(pod), FormatGoDuration(age.count())));
  }
  if (pods.items.empty()) return {};
  return NotMeasured(command, "metrics not available yet");
}

// As kubectl has it: below the columns that it knows of by their headers, two of them underlined.
void WriteSum(const std::vector<Row>& rows, const TopFlags& flags, TabWriter& table) {
  Usage sum;
  for (const Row& row : rows) {
    sum.swap = sum.swap.value_or(0) + row.usage.swap.value_or(0);
    sum.cpu += row.usage.cpu;
    sum.memory += row.usage.memory;
  }
  size_t before = flags.show_swap ? 1 : 0;
  if (!flags.no_headers && flags.selectors.all_namespaces) ++before;
  if (!flags.no_headers && flags.containers) ++before;
  const std::string skipped(before, '\t');
  table.Write(skipped + "\t________\t________\t\n");
  table.Write(fmt::format("{}\t{}\t{}{}\t\n", skipped, CpuText(sum), MemoryText(sum),
                          flags.show_swap ? SwapText(sum) : ""));
}

Result<> RunTopPod(Command& command, const Args& args) {
  TopFlags flags;
  flags.AddTo(command);
  command.Flag("all-namespaces,A", flags.selectors.all_namespaces, "In all namespaces.");
  command.Flag("field-selector", flags.selectors.fields, "Selector (field query) to filter on.");
  command.Flag("containers", flags.containers, "Print usage of containers within a pod.");
  command.Flag("sum", flags.sum, "Print the sum.");
  TRY(command.Parse(args));
  TRY(flags.Check(command));
  Session& session = *TRY(command.session());
  const bool all = flags.selectors.all_namespaces;
  const std::string path =
      all ? std::string(kMetrics) + "/pods"
          : fmt::format("{}/namespaces/{}/pods", kMetrics, session.namespace_());
  const auto metrics = TRY(ReadMetrics(command, flags, path));
  if (metrics.empty()) {
    TRY(RequireNoPods(command, flags, all ? "" : session.namespace_()));
    command.environment().err(NothingFoundText(all ? "" : session.namespace_()));
    return {};
  }
  const std::vector<Row> rows = PodRows(metrics, flags.containers, flags.sort_by);
  TabWriter table = MakeTableWriter();
  const std::string first =
      std::string(all ? "NAMESPACE\t" : "") + (flags.containers ? "POD\t" : "");
  if (!flags.no_headers) {
    table.Write(fmt::format("{}NAME\tCPU(cores)\tMEMORY(bytes){}\t\n", first,
                            flags.show_swap ? "\tSWAP(bytes)" : ""));
  }
  for (const Row& row : rows) {
    std::string line = all ? row.namespace_ + "\t" : "";
    line += flags.containers ? row.name + "\t" + row.container : row.name;
    table.Write(fmt::format("{}\t{}\t{}{}\t\n", line, CpuText(row.usage), MemoryText(row.usage),
                            flags.show_swap ? SwapText(row.usage) : ""));
  }
  if (flags.sum) WriteSum(rows, flags, table);
  command.environment().out(table.Flush());
  return {};
}

constexpr Verb kTopVerbs[] = {{"node", &RunTopNode}, {"nodes", &RunTopNode}, {"no", &RunTopNode},
                              {"pod", &RunTopPod},   {"pods", &RunTopPod},   {"po", &RunTopPod}};

}  // namespace

int TopMain(Environment& environment, const Args& args) {
  return RunFamily(environment, "top", kTopVerbs, std::size(kTopVerbs), args);
}

}  // namespace skiff::cli
