"""Unit tests of the test tools' own JMESPath subset."""
import unittest

from jmes import search

DATA = {"DBInstances": [{"Id": "a", "Tags": [{"Key": "x", "Value": "1"}], "Port": 5432, "Multi": False},
                        {"Id": "b", "Tags": [], "Port": 3306, "Multi": True}], "Marker": None, "Name": {"a": {"b": 1}}}


class Search(unittest.TestCase):
    def check(self, path, want):
        self.assertEqual(search(path, DATA), want, path)

    def test_paths(self):
        self.check("Name.a.b", 1)
        self.check("Name.x.b", None)
        self.check("DBInstances[0].Id", "a")
        self.check("DBInstances[-1].Id", "b")
        self.check("DBInstances[7].Id", None)
        self.check("DBInstances[].Id", ["a", "b"])
        self.check("DBInstances[*].Port", [5432, 3306])
        self.check("DBInstances[].Tags[].Key", ["x"])
        self.check("DBInstances[?Id=='b'].Port", [3306])
        self.check("DBInstances[?Id=='b'].Port | [0]", 3306)
        self.check("DBInstances[?Port==`5432`].Id", ["a"])
        self.check("DBInstances[?Id=='a' && Port==`1`].Id", [])
        self.check("DBInstances[].[Id, Port]", [["a", 5432], ["b", 3306]])
        self.check("length(DBInstances)", 2)
        self.check("length(DBInstances[].Tags[])", 1)
        self.check("sort(DBInstances[].Port)", [3306, 5432])
        self.check("keys(Name)", ["a"])
        self.check("contains(DBInstances[].Id, 'a')", True)

    def test_errors(self):
        for bad in ("a..b", "a[", "a b", "#"):
            with self.assertRaises(ValueError):
                search(bad, DATA)


if __name__ == "__main__":
    unittest.main()
