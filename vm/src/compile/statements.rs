//! Statements, and the declarations among them.
//!
//! Before: function bodies and the module. After: `loops`, `switches`, `tries`, `expressions`.
//! Guarantees: a statement leaves the stack as it found it; functions declared in a block exist from
//! its start.

use oxc_ast::ast::{
    BlockStatement, Declaration, Function, IfStatement, LabeledStatement, Statement,
    TSEnumDeclaration, VariableDeclaration, VariableDeclarationKind,
};
use oxc_semantic::ScopeId;
use oxc_span::GetSpan;

use super::compiler::Compiler;
use super::jumps::{Context, Exit};
use super::refusals::Construct;
use crate::bytecode::Instruction;
use crate::codes;
use crate::diagnostic::Diagnostic;

impl<'a> Compiler<'a> {
    /// The statements of a block whose scope is entered: first its functions, then the rest.
    pub(super) fn statements(&mut self, statements: &[Statement<'a>]) {
        self.hoist_functions(statements);
        statements
            .iter()
            .for_each(|statement| self.statement(statement));
    }

    pub(super) fn hoist_functions(&mut self, statements: &[Statement<'a>]) {
        for statement in statements {
            if let Statement::FunctionDeclaration(function) = statement {
                self.declare_function(function);
            }
        }
    }

    pub(super) fn declare_function(&mut self, function: &Function<'a>) {
        if function.declare || function.body.is_none() {
            return;
        }
        let name = function
            .id
            .as_ref()
            .map_or("default", |id| id.name.as_str());
        self.place(function.span);
        self.function(function, name);
        self.initialise(function.id.as_ref().and_then(|id| id.symbol_id.get()));
    }

    pub(super) fn statement(&mut self, statement: &Statement<'a>) {
        self.labelled_statement(statement, Vec::new());
    }

    /// A statement with the labels that stand before it.
    fn labelled_statement(&mut self, statement: &Statement<'a>, labels: Vec<String>) {
        self.place(statement.span());
        match statement {
            Statement::DoWhileStatement(do_while) => self.do_while_loop(do_while, labels),
            Statement::WhileStatement(while_loop) => self.while_loop(while_loop, labels),
            Statement::ForStatement(for_loop) => self.for_loop(for_loop, labels),
            Statement::ForInStatement(for_in) => self.for_in_loop(for_in, labels),
            Statement::ForOfStatement(for_of) => self.for_of_loop(for_of, labels),
            Statement::SwitchStatement(switch) => self.switch(switch, labels),
            Statement::LabeledStatement(labelled) => self.labelled(labelled, labels),
            other if !labels.is_empty() => {
                self.current().contexts.push(Context::Labelled {
                    labels,
                    breaks: Vec::new(),
                });
                self.plain_statement(other);
                let (breaks, _) = self.close_context();
                self.land_all(&breaks);
            }
            other => self.plain_statement(other),
        }
    }

    fn labelled(&mut self, labelled: &LabeledStatement<'a>, mut labels: Vec<String>) {
        labels.push(labelled.label.name.to_string());
        self.labelled_statement(&labelled.body, labels);
    }

    fn plain_statement(&mut self, statement: &Statement<'a>) {
        match statement {
            Statement::BlockStatement(block) => self.block(block),
            Statement::ExpressionStatement(expression) => {
                self.discarded(&expression.expression);
            }
            Statement::IfStatement(if_statement) => self.if_statement(if_statement),
            Statement::ReturnStatement(return_statement) => {
                match &return_statement.argument {
                    Some(argument) => self.expression(argument),
                    None => {
                        self.emit(Instruction::Undefined);
                    }
                }
                self.place(return_statement.span);
                self.exit(&Exit::Return, return_statement.span.into());
            }
            Statement::BreakStatement(jump) => {
                let label = jump.label.as_ref().map(|label| label.name.to_string());
                self.exit(&Exit::Break(label), jump.span.into());
            }
            Statement::ContinueStatement(jump) => {
                let label = jump.label.as_ref().map(|label| label.name.to_string());
                self.exit(&Exit::Continue(label), jump.span.into());
            }
            Statement::ThrowStatement(throw) => {
                self.expression(&throw.argument);
                self.place(throw.span);
                self.emit(Instruction::Throw);
            }
            Statement::TryStatement(try_statement) => self.try_statement(try_statement),
            Statement::VariableDeclaration(declaration) => self.variable_declaration(declaration),
            Statement::TSEnumDeclaration(declaration) => self.enum_declaration(declaration),
            // Functions were made at the start of the block; types are erased.
            Statement::FunctionDeclaration(_)
            | Statement::EmptyStatement(_)
            | Statement::DebuggerStatement(_)
            | Statement::TSTypeAliasDeclaration(_)
            | Statement::TSInterfaceDeclaration(_)
            | Statement::TSGlobalDeclaration(_)
            | Statement::TSExternalModuleDeclaration(_) => {}
            Statement::WithStatement(with) => self.refuse(Construct::With, with.span),
            Statement::ClassDeclaration(class) if class.declare => {}
            Statement::ClassDeclaration(class) => self.refuse_class(class),
            Statement::TSNamespaceDeclaration(namespace) if namespace.declare => {}
            Statement::TSNamespaceDeclaration(namespace) => {
                self.refuse(Construct::Namespace, namespace.span);
            }
            Statement::TSImportEqualsDeclaration(import) => {
                self.refuse(Construct::ImportEquals, import.span);
            }
            other => {
                let message = "imports and exports stand at the top level of a module";
                self.report(Diagnostic::error(
                    codes::MISPLACED,
                    other.span().into(),
                    message,
                ));
            }
        }
    }

    pub(super) fn block(&mut self, block: &BlockStatement<'a>) {
        self.scoped(block.scope_id.get(), |compiler| {
            compiler.statements(&block.body);
        });
    }

    /// Runs with the variables of a scope.
    pub(super) fn scoped(&mut self, scope: Option<ScopeId>, run: impl FnOnce(&mut Self)) {
        self.with_slots(|compiler| {
            compiler.enter_scope(scope);
            run(compiler);
        });
    }

    fn if_statement(&mut self, if_statement: &IfStatement<'a>) {
        self.expression(&if_statement.test);
        self.place(if_statement.test.span());
        let otherwise = self.jump(Instruction::JumpIfFalse);
        self.statement(&if_statement.consequent);
        match &if_statement.alternate {
            Some(alternate) => {
                let end = self.jump(Instruction::Jump);
                self.land(otherwise);
                self.statement(alternate);
                self.land(end);
            }
            None => self.land(otherwise),
        }
    }

    pub(super) fn variable_declaration(&mut self, declaration: &VariableDeclaration<'a>) {
        if declaration.declare {
            return;
        }
        if matches!(
            declaration.kind,
            VariableDeclarationKind::Using | VariableDeclarationKind::AwaitUsing
        ) {
            self.refuse(Construct::Using, declaration.span);
        }
        for declarator in &declaration.declarations {
            let name = declarator.id.get_identifier_name();
            match &declarator.init {
                Some(init) => {
                    self.named_expression(init, name.as_ref().map_or("", |name| name.as_str()));
                    self.place(declarator.span);
                    self.bind(&declarator.id);
                }
                None if declaration.kind != VariableDeclarationKind::Var => {
                    self.emit(Instruction::Undefined);
                    self.bind(&declarator.id);
                }
                None => {}
            }
        }
    }

    pub(super) fn declaration(&mut self, declaration: &Declaration<'a>) {
        match declaration {
            Declaration::VariableDeclaration(variables) => self.variable_declaration(variables),
            Declaration::TSEnumDeclaration(declaration) => self.enum_declaration(declaration),
            Declaration::ClassDeclaration(class) if !class.declare => self.refuse_class(class),
            Declaration::TSNamespaceDeclaration(namespace) if !namespace.declare => {
                self.refuse(Construct::Namespace, namespace.span);
            }
            Declaration::TSImportEqualsDeclaration(import) => {
                self.refuse(Construct::ImportEquals, import.span);
            }
            _ => {}
        }
    }

    /// An enum is an object from names to values, and from numbers back to names.
    fn enum_declaration(&mut self, declaration: &TSEnumDeclaration<'a>) {
        if declaration.declare {
            return;
        }
        self.emit(Instruction::NewObject);
        let scope = declaration.body.scope_id.get();
        for member in &declaration.body.members {
            let name = member.id.static_name();
            let scoping = self.variables.semantic.scoping();
            let symbol = scope.and_then(|scope| scoping.get_binding(scope, name.as_str().into()));
            let value = symbol.and_then(|symbol| scoping.get_enum_member_value(symbol));
            let key = self.key(name.as_str());
            match value {
                Some(oxc_syntax::constant_value::ConstantValue::Number(number)) => {
                    let number = *number;
                    self.emit_number(number);
                    self.emit(Instruction::DefineProperty(key));
                    self.emit_text(name.as_str().into());
                    let back = self.key_of(crate::number::number_to_text(number));
                    self.emit(Instruction::DefineProperty(back));
                }
                Some(oxc_syntax::constant_value::ConstantValue::String(text)) => {
                    let text = text.to_string();
                    self.emit_text(text.into());
                    self.emit(Instruction::DefineProperty(key));
                }
                _ => self.refuse(Construct::EnumValue, member.span),
            }
        }
        self.initialise(declaration.id.symbol_id.get());
    }
}
