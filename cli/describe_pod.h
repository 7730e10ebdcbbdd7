// `describe`: the parts that several kinds share.
#pragma once

#include <string>

#include "api/values.h"
#include "base/clock.h"
#include "cli/tab_writer.h"

namespace skiff::cli {

// Lines with an indentation of two spaces a level, aligned by a TabWriter.
class DescribeWriter {
 public:
  // `aligned`: cells are in columns; otherwise their tabs stay.
  explicit DescribeWriter(bool aligned = true) : aligned_(aligned) {}
  // "NAME:<tab>VALUE"
  void Field(int level, const std::string& name, const std::string& value);
  // The same, unless the value is empty.
  void FieldIf(int level, const std::string& name, const std::string& value);
  void Line(int level, const std::string& text);
  // "Labels:" and further lines, "<none>" without any.
  void Labels(const std::string& title, const Json& labels);
  void Annotations(const Json& annotations, const std::string& title = "Annotations");
  // Name, Namespace, Labels, Annotations.
  void Head(const Json& object);
  std::string Flush() { return aligned_ ? writer_.Flush() : std::move(raw_); }

 private:
  const bool aligned_;
  TabWriter writer_;
  std::string raw_;
};

// "Fri, 20 Nov 2026 07:00:00 +0000" of an RFC 3339 text, where the clock shows that here; "" of an
// empty one.
std::string DescribeTime(const std::string& rfc3339);
// The same of a moment that is told also where nobody has set it: then it is the zero one of Go.
std::string DescribeMoment(const std::string& rfc3339);
// The same in a form of strftime.
std::string LocalTime(const std::string& rfc3339, const char* form);
// "ReplicaSet/web-1"; "" when nobody controls the object.
std::string ControllerText(const Json& object);

// "Terminating (lasts 3s)" of an object that is to go.
std::string TerminatingText(const Json& object, TimePoint now);

void DescribePod(DescribeWriter& out, const Json& pod, TimePoint now);
// "Pod Template:" and what is below it.
void WritePodTemplate(DescribeWriter& out, const Json& pod_template);
// The same as `rollout` prints it: tabs, no columns.
std::string DescribePodTemplate(const Json& pod_template);
// The lines of a volume's source, of a pod or of a PersistentVolume.
void WriteVolumeSource(DescribeWriter& out, int level, const Json& volume, bool of_volume = false);
// The same of sources whose lines are a field each; false: it is none of these.
bool WriteSourceByFields(DescribeWriter& out, int level, const Json& volume, bool of_volume);

}  // namespace skiff::cli
