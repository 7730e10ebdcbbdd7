# cel_parts(target): api/cel becomes part of the library `target`, and has a test program of its
# own, `cel_test`. Its sources need neither tables nor structs: they are compiled apart from the
# others, without the precompiled header, and an edit of one builds within seconds.
function(cel_parts target)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/api/cel/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  batched(sources cel 2 ${sources})
  batched(tests cel_test 1 ${tests})
  add_library(cel OBJECT ${sources})
  target_link_libraries(cel PRIVATE base re2_archive)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:cel>)
  add_executable(cel_test ${tests} ${CMAKE_BINARY_DIR}/source_root.cc)
  target_link_libraries(cel_test PRIVATE ${target} GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME cel COMMAND cel_test)
  set_tests_properties(cel PROPERTIES TIMEOUT 1800 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      ENVIRONMENT "${unit_heap}")
endfunction()
