"""Source files in many languages, with the first and the last line of what they define.

`//FILLER` and `#FILLER` stand for comments that are too long to be shown with what is around them.
"""

LANGUAGES = {
    "a.ts": (
        """
        import { x } from "y";

        /** What is said in it. */
        export function useThread(id: string): Thread {
          return load(`a { ${id} `, /[{"']/);  // don't }
        }

        interface Props {
          id: string;
        }

        export const handle = async ({ a }: Props): Promise<void> => {
          await a("{", '}');
        };

        @Injectable({
          root: true,
        })
        export class Gateway<T> extends Base {
          constructor(private a: number) {
            super();
          }

          async *chat(messages: Message[]): AsyncGenerator<string> {
            yield "x";
          }

          onEvent = (e: Event) => {
            this.a = 1;
          };
          //FILLER
        }

        export enum Mode {
          A = "}",
        }

        describe("a mode", () => {
          run();
        });
        """,
        {
            "useThread": ("/** What is said in it. */", "}"),
            "Props": ("interface Props {", "}"),
            "handle": ("export const handle = async ({ a }: Props): Promise<void> => {", "};"),
            "Gateway.constructor": ("constructor(private a: number) {", "}"),
            "Gateway.chat": ("async *chat(messages: Message[]): AsyncGenerator<string> {", "}"),
            "Gateway.onEvent": ("onEvent = (e: Event) => {", "};"),
            "Mode": ("export enum Mode {", "}"),
            "a-mode": ('describe("a mode", () => {', "});"),
        },
    ),
    "a.go": (
        """
        package main

        // Reader reads.
        type Reader struct {
        \tr io.Reader
        }

        func (r *Reader) Read(p []byte) (n int, err error) {
        \ts, c := `{ "`, '{'
        \treturn 0, nil
        }

        func New[T any](x T) *Reader {
        \treturn nil
        }
        """,
        {
            "Reader": ("// Reader reads.", "}"),
            "Reader.Read": ("func (r *Reader) Read(p []byte) (n int, err error) {", "}"),
            "New": ("func New[T any](x T) *Reader {", "}"),
        },
    ),
    "a.rs": (
        """
        #[derive(Debug)]
        pub struct Foo<'a> {
            s: &'a str,
        }

        impl<'a> fmt::Display for Foo<'a> {
            fn fmt(&self, f: &mut Formatter) -> Result {
                write!(f, r#"{"#, '{')
            }
            //FILLER
        }

        pub(crate) async fn run<T: Into<String>>(x: T) -> Result<(), Error>
        where
            T: Clone,
        {
            Ok(())
        }
        """,
        {
            "Foo.fmt": ("fn fmt(&self, f: &mut Formatter) -> Result {", "}"),
            "run": ("pub(crate) async fn run<T: Into<String>>(x: T) -> Result<(), Error>", "}"),
        },
    ),
    "A.java": (
        """
        package a.b;

        /**
         * Things { of it.
         */
        @Service
        public class Gateway<T extends Foo> implements Bar {
            public Gateway(String s) throws IOException {
                this.s = "}";
            }

            @Override
            public <R> List<R> find(Map<String, R> x,
                    int y) {
                return null;
            }

            @Override public String toString() {
                return s;
            }
            //FILLER
        }
        """,
        {
            "Gateway.Gateway": ("public Gateway(String s) throws IOException {", "}"),
            "Gateway.find": ("@Override", "}"),
            "Gateway.toString": ("@Override public String toString() {", "}"),
        },
    ),
    "a.cs": (
        """
        namespace Foo
        {
            public class Gateway : IGateway
            {
                public Gateway(int a) : base(a)
                {
                    x = @"c:\\";
                }

                public async Task<int> SendAsync<T>(T a) where T : class
                {
                    return 1;
                }
                //FILLER
            }
        }
        """,
        {
            "Foo.Gateway.Gateway": ("public Gateway(int a) : base(a)", "}"),
            "Foo.Gateway.SendAsync": ("public async Task<int> SendAsync<T>(T a) where T : class", "}"),
        },
    ),
    "a.cpp": (
        """
        #include <vector>
        namespace a {

        template <typename T>
        class Foo : public Bar<T> {
        public:
          Foo(int x) : a_(x), b_(1) {
            run();
          }
        private:
          int a_;
        //FILLER
        };

        static int
        helper(const char *s)
        {
        #ifdef X
          if (s[0] == '{') return 1;
        #endif
        out:
          return 0;
        }

        void Foo::run(std::vector<int> v) noexcept {
          go();
        }

        }  // namespace a
        """,
        {
            "a.Foo.Foo": ("Foo(int x) : a_(x), b_(1) {", "}"),
            "a.helper": ("static int", "}"),
            "a.Foo.run": ("void Foo::run(std::vector<int> v) noexcept {", "}"),
        },
    ),
    "a.rb": (
        (
            "module Foo\n  class Bar < Base\n    # Says.\n    def say(x)\n      puts <<~TEXT\ndef no\n      TEXT\n    end\n"
            "\n    def self.make?\n      new\n    end\n    #FILLER\n  end\nend\n"
        ),
        {"Foo.Bar.say": ("# Says.", "end"), "Foo.Bar.make?": ("def self.make?", "end")},
    ),
    "a.php": (
        (
            "<?php\nclass Foo extends Bar\n{\n    public function baz(string $x): ?array\n    {\n        return ['}'];\n    }\n"
            '    //FILLER\n}\n\nfunction helper($a) {\n    return "{";\n}\n'
        ),
        {"Foo.baz": ("public function baz(string $x): ?array", "}"), "helper": ("function helper($a) {", "}")},
    ),
    "a.kt": (
        'data class User(\n    val name: String,\n)\n\nfun String.shout(): String {\n    return "{"\n}\n',
        {"User": ("data class User(", ")"), "String.shout": ("fun String.shout(): String {", "}")},
    ),
    "a.swift": (
        "public struct Foo: Codable {\n    let x: Int\n}\n\nprotocol P {\n    func go()\n}\n",
        {"Foo": ("public struct Foo: Codable {", "}"), "P": ("protocol P {", "}")},
    ),
    "a.sh": (
        'set -e\n\nusage() {\n  cat <<EOF\nno() {\nEOF\n  exit 1\n}\n\nfunction build_all {\n  echo "it\'s }"\n}\n',
        {"usage": ("usage() {", "}"), "build_all": ("function build_all {", "}")},
    ),
    "run": (
        "#!/usr/bin/env python3\nimport os\n\ndef main():\n    pass\n",
        {"main": ("def main():", "pass")},
    ),
    "a.sql": (
        (
            "CREATE TABLE IF NOT EXISTS users (\n  id int\n);\n\n"
            "create or replace function touch() returns trigger as $$\nbegin\n  x = ';';\nend;\n$$ language plpgsql;\n"
        ),
        {
            "users": ("CREATE TABLE IF NOT EXISTS users (", ");"),
            "touch": ("create or replace function touch() returns trigger as $$", "$$ language plpgsql;"),
        },
    ),
    "a.vue": (
        "<script setup>\nfunction inc() {\n  a++;\n}\n</script>\n\n<template>\n  <div>\n  </div>\n</template>\n",
        {"inc": ("function inc() {", "}"), "template": ("<template>", "</template>")},
    ),
}
