#include "controllers/metrics/encodings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/metrics/documents.h"

namespace skiff::metrics {
namespace {

using testing::HasSubstr;

constexpr TimePoint kAnsweredAt(1'700'000'000s);

Json PodDocument() {
  const Usage usage{.nano_cores = 156340, .memory_bytes = 11216 << 10, .at = kAnsweredAt,
                    .window = 15s};
  return PodMetricsOf({"ns", "p", {}}, {{"a", usage}, {"b", usage}}, kAnsweredAt);
}

Result<http::Response> Asked(const std::string& accept, const Json& document) {
  http::Request request;
  if (!accept.empty()) request.headers.emplace("Accept", accept);
  return EncodedAnswer(request, document, kAnsweredAt);
}

TEST(MetricsEncodingsTest, TheFormThatIsWantedMostIsTaken) {
  const Json document = SingleOf("PodMetrics", PodDocument());
  for (const char* accept : {"", "*/*", "application/json", "text/html, application/json;q=0.5",
                             "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,*/*"}) {
    const auto answer = Asked(accept, document);
    ASSERT_TRUE(answer) << accept;
    EXPECT_EQ(answer->content_type, "application/json");
    EXPECT_EQ(Json::parse(answer->body), document);
  }
  const auto yaml = Asked("application/yaml, application/json", document);
  ASSERT_TRUE(yaml);
  EXPECT_EQ(yaml->content_type, "application/yaml");
  EXPECT_THAT(yaml->body, HasSubstr("\nkind: PodMetrics\n"));
  const auto wanted_most = Asked("application/yaml;q=0.5, application/json", document);
  ASSERT_TRUE(wanted_most);
  EXPECT_EQ(wanted_most->content_type, "application/json");
  const auto none = Asked("text/html", document);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason, Reason::kNotAcceptable);
  EXPECT_EQ(none.error().message,
            "only the following media types are accepted: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf");
}

TEST(MetricsEncodingsTest, ProtobufHasTheNumbersOfTheMetricsServer) {
  const auto answer = Asked("application/vnd.kubernetes.protobuf,application/json",
                            SingleOf("PodMetrics", PodDocument()));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->content_type, "application/vnd.kubernetes.protobuf");
  const std::string& body = answer->body;
  EXPECT_TRUE(body.starts_with(std::string("k8s\0", 4)));
  EXPECT_THAT(body, HasSubstr("\x0a\x16metrics.k8s.io/v1beta1\x12\x0aPodMetrics"));
  const auto bytes = [](std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
  };
  // 2: {1: 1700000000, 2: 0}, 3: {1: 15 s in nanoseconds}
  EXPECT_THAT(body, HasSubstr(bytes({0x12, 8, 8, 0x80, 0xe2, 0xcf, 0xaa, 6, 0x10, 0, 0x1a, 6, 8,
                                     0x80, 0xac, 0xc7, 0xf0, 0x37})));
  // 4: {1: "a", 2: {1: "cpu", 2: {1: "156340n"}}, 2: {1: "memory", 2: {1: "11216Ki"}}}
  EXPECT_THAT(body, HasSubstr(bytes({0x22, 0x2a, 0x0a, 1}) + "a" + bytes({0x12, 0x10, 0x0a, 3}) +
                              "cpu" + bytes({0x12, 9, 0x0a, 7}) + "156340n" +
                              bytes({0x12, 0x13, 0x0a, 6}) + "memory" + bytes({0x12, 9, 0x0a, 7}) +
                              "11216Ki"));
  const auto list = Asked("application/vnd.kubernetes.protobuf",
                          ListOf("PodMetrics", Json::array({PodDocument()})));
  ASSERT_TRUE(list);
  EXPECT_THAT(list->body, HasSubstr("PodMetricsList"));
  EXPECT_THAT(list->body, HasSubstr("11216Ki"));
}

TEST(MetricsEncodingsTest, ATableAddsAPodsContainersUp) {
  const std::string accept =
      "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;"
      "g=meta.k8s.io,application/json";
  const auto answer = Asked(accept, ListOf("PodMetrics", Json::array({PodDocument()})));
  ASSERT_TRUE(answer);
  const Json table = Json::parse(answer->body);
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1");
  std::vector<std::string> columns;
  for (const Json& column : table["columnDefinitions"]) columns.push_back(column["name"]);
  EXPECT_EQ(columns, (std::vector<std::string>{"Name", "cpu", "memory", "Window"}));
  EXPECT_EQ(table["rows"][0]["cells"], Json::parse(R"(["p", "312680n", "22432Ki", "15s"])"));
}

}  // namespace
}  // namespace skiff::metrics
