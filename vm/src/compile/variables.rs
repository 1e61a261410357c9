//! Where a variable lives: in a slot, in a cell that closures share, or copied into closures.
//!
//! Before: the scopes and references that `oxc_semantic` found. After: code for reads and writes.
//! Guarantees: a variable that closures see change is in a cell; one that never changes after the
//! closure was made is copied; a read that may come before the declaration is checked.

use oxc_ast::AstKind;
use oxc_ast::ast::BindingPattern;
use oxc_semantic::{NodeId, ScopeId, Semantic, SymbolFlags, SymbolId};
use oxc_span::GetSpan;

/// How a variable is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// It is in a cell.
    pub(super) cell: bool,
    /// Reads in its own function may come before its declaration, so its slot is marked.
    pub(super) marked: bool,
    /// It has a value from the start of its scope: `var`, a parameter, a function.
    pub(super) hoisted: bool,
}

/// What is known of scopes, symbols and references of one module.
pub(super) struct Variables<'a> {
    pub(super) semantic: &'a Semantic<'a>,
    /// The innermost function around each scope.
    function_of: Vec<ScopeId>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(semantic: &'a Semantic<'a>) -> Variables<'a> {
        let scoping = semantic.scoping();
        let mut function_of: Vec<ScopeId> = Vec::with_capacity(scoping.scopes_len());
        for scope in scoping.scope_descendants_from_root() {
            let own = scope;
            let function = match scoping.scope_parent_id(scope) {
                Some(parent) if !scoping.scope_flags(scope).is_function() => {
                    function_of.get(parent.index()).copied().unwrap_or(own)
                }
                _ => own,
            };
            function_of.push(function);
        }
        Variables {
            semantic,
            function_of,
        }
    }

    pub(super) fn function_of(&self, scope: ScopeId) -> ScopeId {
        self.function_of
            .get(scope.index())
            .copied()
            .unwrap_or(scope)
    }

    /// Whether a `var` declares a variable that was there.
    pub(super) fn is_declared_again(&self, symbol: SymbolId) -> bool {
        let scoping = self.semantic.scoping();
        !scoping.symbol_redeclarations(symbol).is_empty()
    }

    pub(super) fn flags(&self, symbol: SymbolId) -> SymbolFlags {
        self.semantic.scoping().symbol_flags(symbol)
    }

    pub(super) fn name(&self, symbol: SymbolId) -> &str {
        self.semantic.scoping().symbol_name(symbol)
    }

    /// The function whose variable it is.
    pub(super) fn owner(&self, symbol: SymbolId) -> ScopeId {
        self.function_of(self.semantic.scoping().symbol_scope_id(symbol))
    }

    fn kind(&self, node: NodeId) -> AstKind<'a> {
        self.semantic.nodes().kind(node)
    }

    /// Where its declaration, with its initialiser, ends.
    fn declaration_end(&self, symbol: SymbolId) -> u32 {
        self.kind(self.semantic.scoping().symbol_declaration(symbol))
            .span()
            .end
    }

    fn is_hoisted(&self, symbol: SymbolId) -> bool {
        let flags = self.flags(symbol);
        // An import has its value before the file runs.
        let is_import = flags.contains(SymbolFlags::Import);
        let is_parameter_or_var = flags.contains(SymbolFlags::FunctionScopedVariable);
        is_import
            || is_parameter_or_var
            || flags.contains(SymbolFlags::Function)
            || flags.contains(SymbolFlags::CatchVariable)
    }

    fn in_switch(&self, symbol: SymbolId) -> bool {
        let scoping = self.semantic.scoping();
        let node = scoping.get_node_id(scoping.symbol_scope_id(symbol));
        matches!(self.kind(node), AstKind::SwitchStatement(_))
    }

    /// Whether a read at an offset, in the variable's own function, may come before its declaration.
    pub(super) fn needs_check(&self, symbol: SymbolId, offset: u32) -> bool {
        !self.is_hoisted(symbol)
            && (offset < self.declaration_end(symbol)
                || self.in_switch(symbol)
                || self.in_iterable(symbol, offset))
    }

    /// Whether an offset is in what a `for…of` or `for…in` goes over, which may not read its variables.
    fn in_iterable(&self, symbol: SymbolId, offset: u32) -> bool {
        let scoping = self.semantic.scoping();
        let node = scoping.get_node_id(scoping.symbol_scope_id(symbol));
        let right = match self.kind(node) {
            AstKind::ForOfStatement(for_of) => for_of.right.span(),
            AstKind::ForInStatement(for_in) => for_in.right.span(),
            _ => return false,
        };
        (right.start..right.end).contains(&offset)
    }

    /// Whether a read at an offset, in the function of a parameter, is in a default that runs before the
    /// parameter has its value: its own, or that of an earlier one.
    pub(super) fn is_early_parameter(&self, symbol: SymbolId, offset: u32) -> bool {
        let scoping = self.semantic.scoping();
        let AstKind::FormalParameter(parameter) = self.kind(scoping.symbol_declaration(symbol))
        else {
            return false;
        };
        let is_whole = matches!(parameter.pattern, BindingPattern::BindingIdentifier(_));
        let default = parameter.initializer.as_ref().map(|default| default.span());
        let in_own = default.is_some_and(|span| (span.start..span.end).contains(&offset));
        offset < scoping.symbol_span(symbol).start || (is_whole && in_own)
    }

    /// How a variable is kept.
    pub(super) fn storage(&self, symbol: SymbolId) -> Storage {
        let scoping = self.semantic.scoping();
        let owner = self.owner(symbol);
        let hoisted = self.is_hoisted(symbol);
        let mut captured = false;
        let mut copyable = self.is_copyable(symbol);
        let mut marked = false;
        for reference in scoping
            .get_resolved_references(symbol)
            .filter(|reference| reference.is_value())
        {
            let offset = self.kind(reference.node_id()).span().start;
            if self.function_of(reference.scope_id()) == owner {
                marked |= self.needs_check(symbol, offset);
                continue;
            }
            captured = true;
            copyable &=
                self.is_made_after(reference.scope_id(), owner, self.declaration_end(symbol));
        }
        Storage {
            cell: captured && !copyable,
            marked,
            hoisted,
        }
    }

    /// Whether it never changes once its declaration has run.
    fn is_copyable(&self, symbol: SymbolId) -> bool {
        let scoping = self.semantic.scoping();
        if scoping.symbol_is_mutated(symbol) || !scoping.symbol_redeclarations(symbol).is_empty() {
            return false;
        }
        let flags = self.flags(symbol);
        if flags.contains(SymbolFlags::FunctionExpression) {
            return true;
        }
        if flags.contains(SymbolFlags::Function) {
            return false;
        }
        let is_var = flags.contains(SymbolFlags::FunctionScopedVariable);
        let node = scoping.symbol_declaration(symbol);
        // A parameter is a variable of the function too, but is set once.
        !(is_var && matches!(self.kind(node), AstKind::VariableDeclarator(_)))
    }

    /// Whether the closure of `owner` that leads to a scope is made behind an offset, and not
    /// earlier, as declared functions are.
    fn is_made_after(&self, scope: ScopeId, owner: ScopeId, offset: u32) -> bool {
        let scoping = self.semantic.scoping();
        let mut function = self.function_of(scope);
        while let Some(parent) = scoping.scope_parent_id(function) {
            let outer = self.function_of(parent);
            if outer == owner {
                break;
            }
            function = outer;
        }
        match self.kind(scoping.get_node_id(function)) {
            AstKind::Function(function) if function.is_function_declaration() => false,
            // The name of a function expression has its value before anything else runs.
            AstKind::Function(made) => made.span.start >= offset || made.span.end == offset,
            kind => kind.span().start >= offset,
        }
    }
}
